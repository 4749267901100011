"""The command line. A command is a module of `emuload.commands`, which is imported only when it is used.

Only click is imported here: the emulator's modules cost time. Exit status: 0 fine; 1 the guest failed or a check did; 2 usage
or input; 3 deadlock; 4 a bound was reached; 130 interrupted. `exec` gives the guest's own status when it exits.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import click

from emuload import __version__
from emuload.errors import EmuloadError, Interrupted, ReportedError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

INTERRUPTED = 130
BROKEN_PIPE = 141
USAGE = 2

COMMANDS = {
    "run": "Load LIBRARY, make calls, show their results and the handoff.",
    "trace": "Load LIBRARY and make calls as `run` does, and keep every event of it.",
    "check": "Check the order in which things happened, by rules.",
    "compat": "Say if LIBRARY loads elsewhere, by dlopen and linked.",
    "cost": "Count the instructions of each phase.",
    "diff": "Compare two traces (.jsonl).",
    "show": "Show the instruction log FILE, which `trace -o FILE.ilog` wrote.",
    "inspect": "Say what LIBRARY is, without running it.",
    "exec": "Run PROGRAM, a dynamically linked executable, as a guest.",
    "demo": "Show the handoff on every architecture.",
    "samples": "Write the Go libraries that come with emuload to DIR.",
    "scenarios": "List, run and update the scenarios that show the order of initialisation.",
    "completion": "Print a script that completes emuload's commands, options and values in a shell.",
}
"""Each command, a module of `emuload.commands`, with its line in the list of commands."""

EXAMPLES = ("emuload demo", "emuload run libhello.so --call 'add(1, 2)'")
COMPLETION = "_EMULOAD_COMPLETE"
"""The variable by which a shell's completion script asks (click's protocol; `emuload.commands.completion`)."""

HINTS = {"executable": "to run a program: emuload exec {path}", "library": "to load a library: emuload run {path}"}
"""What to do instead, by the code of the linker's refusal."""


class Commands(click.Group):
    """The commands, listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"emuload.commands.{cmd_name}").command
        found.name = cmd_name
        return found

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description, then the architectures."""
        from emuload.machine import ARCHITECTURES

        super().format_help_text(ctx, formatter)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"Architectures: {', '.join(ARCHITECTURES)}.")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, the options, and examples."""
        from emuload.commands.common.command import write_examples, write_options

        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        write_options(self, ctx, formatter)
        write_examples(EXAMPLES, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin so."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        print(f"emuload {__version__}")
        context.exit()


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(cls=Commands, context_settings=_SETTINGS, invoke_without_command=True)
@click.option(
    "--version", "-V", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Load Linux shared libraries into an emulated CPU and see in which order everything is initialised.

    Nothing runs natively: a library runs on any host, and each run of the same input is the same.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def complain(text: object) -> None:
    """Write one line to standard error."""
    print(f"emuload: {' '.join(str(text).split())}", file=sys.stderr)


def _unencodable(error: UnicodeError) -> tuple[str | bytes, int]:
    """A character that the output's encoding does not have: the byte that it stands for (PEP 383), else an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("unicode_escape").decode("ascii"), error.start + 1


def _accept_all_text() -> None:
    """Let standard output and standard error take any text: file names are bytes, and names in files may be anything."""
    codecs.register_error("emuload", _unencodable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="emuload")
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = sys.stdout


def _drop_output() -> None:
    """Let what is still to be written to standard output go nowhere, the interpreter's last flush included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _guarded(arguments: Sequence[str] | None) -> int:
    from loader.errors import LoadError

    try:
        with cli.make_context("emuload", list(sys.argv[1:] if arguments is None else arguments)) as context:
            status = cli.invoke(context)
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "emuload"
        complain(f"{error.format_message()} (see {where} --help)")
        return USAGE
    except (ReportedError, Interrupted) as error:
        from emuload.report.console import show_report

        sys.stdout.flush()
        show_report(error.report, sys.stderr)
        if isinstance(error, Interrupted) and not error.output_shown:
            print(*error.report.output_lines(), sep="\n", file=sys.stderr)
        return error.exit_status
    except EmuloadError as error:
        complain(error)
        return error.exit_status
    except LoadError as error:
        hint = HINTS.get(error.code, "")
        complain(f"{error}; {hint.format(path=error.path)}" if hint else error)
        return USAGE
    sys.stdout.flush()
    return status if isinstance(status, int) else 0


def command(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (sys.argv if not given); returns its exit status."""
    try:
        _accept_all_text()
        if COMPLETION in os.environ:
            from emuload.commands.completion import answer

            return answer(cli, os.environ[COMPLETION])
        return _guarded(arguments)
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:
        # Standard output cannot be written: files that were named are complained of where they are opened.
        _drop_output()
        complain(f"{error.filename or 'the output'}: {error.strerror or error}")
        return USAGE
    except MemoryError as error:
        complain(f"there is no memory left: {error}" if str(error) else "there is no memory left")
        return USAGE
