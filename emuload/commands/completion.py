"""`emuload completion`: the script that lets a shell complete emuload's command line, and the answers it asks for.

The protocol is click's (its documentation, "Shell Completion"): the script runs `emuload` again with the words typed so far
in the environment.
"""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class, shell_complete

from emuload.commands.common.command import Command

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_EMULOAD_COMPLETE"
"""Set by the script; its value says which shell asks."""

HELP = """Print a script that completes emuload's commands, options and values in a shell.

\b
bash: in ~/.bashrc                            eval "$(emuload completion bash)"
zsh:  in ~/.zshrc                             eval "$(emuload completion zsh)"
fish: in ~/.config/fish/config.fish           emuload completion fish | source

After `--call` it offers the functions that the library before it exports.
"""
EXAMPLES = ('eval "$(emuload completion bash)"', "emuload completion fish > ~/.config/fish/completions/emuload.fish")


@click.command(cls=Command, help=HELP, examples=EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print the script."""
    kind = get_completion_class(shell)
    assert kind is not None
    script = ShellComplete.source(kind(context.find_root().command, {}, "emuload", VARIABLE))
    print(script.rstrip())
    return 0


def answer(group: click.Group, instruction: str) -> int:
    """Answer the script's question about the words in the environment."""
    return shell_complete(group, {}, "emuload", VARIABLE, instruction)
