"""`flyball doctor`."""

from __future__ import annotations

import sys
from typing import Any

import click


@click.command()
@click.option("--config", "config_path", type=click.Path(exists=True, dir_okay=False), help="The server's TOML file.")
@click.option("--model", help="As for serve.")
@click.option("--host", help="As for serve.")
@click.option("--port", type=int, help="As for serve.")
def doctor(config_path: str | None, model: str | None, host: str | None, port: int | None) -> None:
    """Check the installation, and say how to mend what is wrong. Exits with 1 when something is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from flyball.cli.checks import CHECKS
    from flyball.server.config import load_config

    said: dict[str, dict[str, Any]] = {"model": {"path": model}, "server": {"host": host, "port": port}}
    given = {
        name: {key: value for key, value in section.items() if value is not None} for name, section in said.items()
    }
    config = load_config(config_path, given)
    findings = [finding for check in CHECKS for finding in check(config)]
    table = Table("", "what", "found", "how to mend it", title="flyball doctor", title_justify="left")
    marks = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "wrong": "[red]✗[/]"}
    for finding in findings:
        table.add_row(marks[finding.state], finding.subject, escape(finding.found), escape(finding.mend))
    Console().print(table)
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(1)
