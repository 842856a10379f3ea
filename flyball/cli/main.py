"""`flyball`: the command line, one module a command."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from flyball import __version__
from flyball.core.errors import FlyballError

COMMANDS = {
    "serve": (".serve:serve", "Serve a model behind an OpenAI-compatible endpoint."),
    "chat": (".chat:chat", "Talk with a served model; thinking, hints and dropped tokens in colours."),
    "doctor": (".doctor:doctor", "Check the installation, and say how to mend what is wrong."),
    "traces": (".traces.commands:traces", "Look at stored episodes, and take them elsewhere."),
    "eval": (".evaluate:evaluate", "Measure arms on questions with known answers."),
    "replay": (".replay:replay", "What a method would have done to stored traces."),
    "pocket": (".pocket:pocket", "Train, check and question the pocket model."),
}
"""Name -> where the command is, and its line in the overview."""


class _Lazy(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module, __package__), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flyball")
def cli() -> None:
    """A governor for reasoning LLMs: serve them, steer them while they decode, train what steers them."""


def main() -> None:
    """The entry point; errors that Flyball raises on purpose are one line."""
    try:
        cli()
    except FlyballError as error:
        click.secho(f"flyball: {error}", fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
