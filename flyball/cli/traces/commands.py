"""The commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .options import filters, store_options, store_url


@click.group()
def traces() -> None:
    """Look at stored episodes, and take them elsewhere."""


@traces.command("list")
@store_options
@filters
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(traces: str | None, config_path: str | None, limit: int, as_json: bool, **wanted: Any) -> None:
    """Episodes, the newest first."""
    from flyball.server.traces.reader import TraceReader

    from .listing import print_json, print_table

    with TraceReader(store_url(traces, config_path)) as reader:
        found = reader.summaries(limit=limit, newest=True, **wanted)
        (print_json if as_json else print_table)(found)


@traces.command()
@store_options
@click.option("--tokenizer", help="What reads the tokens, where the trace does not say it, or its folder is gone.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page instead.")
@click.argument("id")
def show(traces: str | None, config_path: str | None, tokenizer: str | None, html: Path | None, id: str) -> None:
    """One episode, by its id or the beginning of it."""
    from flyball.server.traces.reader import TraceReader
    from flyball.server.traces.view.episode import view_of

    with TraceReader(store_url(traces, config_path)) as reader:
        record = reader.episode(_only(reader.ids(id), id))
    if record is None:
        raise click.ClickException(f"{id} has just been deleted")
    view = view_of(record, tokenizer)
    if html is None:
        from .terminal import print_episode

        print_episode(view)
        return
    from flyball.server.traces.page.render import page

    html.write_text(page(view), encoding="utf-8")
    click.echo(f"saved: {html}")


def _only(ids: list[str], beginning: str) -> str:
    if beginning in ids:
        return beginning
    if len(ids) != 1:
        what = "several episodes begin" if ids else "no episode begins"
        raise click.ClickException(f"{what} with {beginning!r}; see: flyball traces list")
    return ids[0]


@traces.command()
@store_options
@filters
@click.option(
    "--rows", type=click.Choice(["episodes", "trajectories", "decisions"]), default="episodes", show_default=True
)
@click.option("--format", "kind", type=click.Choice(["jsonl", "parquet"]), help="By default what --out ends with.")
@click.option("--tokenizer", help="What reads the tokens, where the traces do not say it.")
@click.option("--limit", type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="By default JSONL to the terminal.")
def export(
    traces: str | None,
    config_path: str | None,
    rows: str,
    kind: str | None,
    tokenizer: str | None,
    limit: int | None,
    out: Path | None,
    **wanted: Any,
) -> None:
    """Write episodes to a file, the oldest first: a row each, or one for each trajectory or decision."""
    from flyball.server.traces.export.tables import TABLES
    from flyball.server.traces.export.writing import write_jsonl, write_parquet
    from flyball.server.traces.reader import TraceReader

    parquet = (kind or ("parquet" if out is not None and out.suffix == ".parquet" else "jsonl")) == "parquet"
    if parquet and out is None:
        raise click.UsageError("parquet needs --out FILE")
    with TraceReader(store_url(traces, config_path)) as reader:
        found = TABLES[rows].rows(reader.episodes(limit=limit, **wanted), tokenizer)
        if out is None:
            write_jsonl(found, sys.stdout)
            return
        part = out.with_name(f"{out.name}.part")
        count = write_parquet(TABLES[rows], found, part) if parquet else _to_file(found, part)
        part.replace(out)
    click.echo(f"saved: {out}, {count} rows", err=True)


def _to_file(found: Any, path: Path) -> int:
    from flyball.server.traces.export.writing import write_jsonl

    with path.open("w", encoding="utf-8") as file:
        return write_jsonl(found, file)


@traces.command()
@store_options
def upgrade(traces: str | None, config_path: str | None) -> None:
    """Bring a store of an older Flyball up to date; a server does so when it starts."""
    from flyball.server.traces import schema
    from flyball.server.traces.database import open_for_writing, version_at

    url = store_url(traces, config_path)
    found = version_at(url)
    if found is None:
        raise click.ClickException("there is no trace store")
    open_for_writing(url).dispose()
    click.echo(f"schema version {found}" + (f", now {schema.VERSION}" if found < schema.VERSION else ", up to date"))
