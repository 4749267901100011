"""Commands whose help shows options in groups, the same groups in the same order everywhere, and examples at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from emuload.process.host_signals import HOST_SIGNALS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GROUPS = ("Options", "Calls", "Guest", "Limits", "Output")
"""The groups of options, in the order of the help: those of the one command first."""

OPTIONS, CALLS, GUEST, LIMITS, OUTPUT = GROUPS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option in a group of the help."""

    def __init__(self, *arguments: Any, group: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.group = group


class Command(click.Command):
    """A command with `examples`, and with options that went to another command.

    `renamed` maps such an option to the command line to use instead. With `runs_guest` an interrupt that comes before the guest
    runs waits for it, so that it too is answered with a report.
    """

    def __init__(
        self,
        *arguments: Any,
        examples: Sequence[str],
        renamed: Mapping[str, str] | None = None,
        runs_guest: bool = False,
        **attributes: Any,
    ) -> None:
        super().__init__(*arguments, **attributes)
        self.examples = examples
        self._renamed = renamed or {}
        self._runs_guest = runs_guest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        if not self._runs_guest:
            HOST_SIGNALS.release()
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by groups, then the examples."""
        write_options(self, ctx, formatter)
        write_examples(self.examples, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line. Raises UsageError that names the new command for an option that went there."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name not in self._renamed:
                raise
            raise click.UsageError(f"{error.option_name}: use: {self._renamed[error.option_name]}", ctx) from None


def write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """Write a command's options, a section for each group."""
    groups: dict[str, list[tuple[str, str]]] = {name: [] for name in GROUPS}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            groups[parameter.group if isinstance(parameter, Option) else OUTPUT].append(record)
    for name, records in groups.items():
        if records:
            with formatter.section(name):
                formatter.write_dl(records)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write command lines to copy, unwrapped."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def option(group: str, *names: str, **attributes: Any) -> Decorator:
    """`click.option` in a group of the help."""
    return click.option(*names, cls=Option, group=group, **attributes)


def together(*decorators: Decorator) -> Decorator:
    """Several options as one decorator, in the order of the help."""

    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def given(context: click.Context) -> set[str]:
    """The parameters given on the command line, an option by its longest name."""
    return {
        max(parameter.opts, key=len)
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    }


def complete_file(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def complete_from(names: Callable[[], Sequence[str]]) -> Callable[..., list[str]]:
    """Complete one of some names, which are only looked up when they are asked for."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def argument(name: str, **attributes: Any) -> Decorator:
    """`click.argument` for a file, whose name the shell completes."""
    return click.argument(name, shell_complete=complete_file, **attributes)


json_option: Decorator = option(OUTPUT, "--json", "as_json", is_flag=True, help="One JSON document instead of text.")
