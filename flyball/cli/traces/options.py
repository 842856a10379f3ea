"""Options that the commands share: where the store is, and which episodes are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """A time: ISO 8601, in UTC where it says no zone, or how long ago. Example: "2026-03-01T12:00", "2h", "7d"."""
    if value is None:
        return None
    if (ago := _AGO.fullmatch(value.strip())) is not None:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        said = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a time (2026-03-01T12:00) nor how long ago (2h, 7d)") from None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


def store_options(command: F) -> F:
    """`--traces` and `--config`; `store_url` makes a URL of them."""
    url = click.option(
        "--traces", metavar="URL", help="The store; by default the configuration's.", envvar="FLYBALL_TRACES"
    )
    config = click.option(
        "--config", "config_path", type=click.Path(exists=True, dir_okay=False), help="The server's TOML file."
    )
    return url(config(command))


def store_url(traces: str | None, config_path: str | None) -> str:
    """The store that is meant: the one named, the configuration's, or sqlite:///traces.sqlite."""
    if traces is None and config_path is not None:
        from flyball.server.config import load_config

        traces = load_config(config_path).traces.url
    return traces or "sqlite:///traces.sqlite"


def filters(command: F) -> F:
    """One option for each key of `Wanted`."""
    options = [
        click.option(
            "--since",
            callback=moment,
            metavar="TIME",
            help="Begun then or later: 2026-03-01T12:00 (UTC), or 2h, 7d ago.",
        ),
        click.option("--until", callback=moment, metavar="TIME", help="Begun before then."),
        click.option("--model", help="As clients named it."),
        click.option("--preset"),
        click.option("--controller", help="One that the request asked for."),
        click.option("--finish", metavar="REASON", help="stop, length, tool_calls, cancelled or error."),
        click.option("--feedback", metavar="WHAT", help='any, none, a label, or the score: "<0.5", ">=1".'),
    ]
    for option in reversed(options):
        command = option(command)
    return command
