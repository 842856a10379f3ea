"""One episode in the terminal: readable with colours and without."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from flyball.server.traces.view.clean import clean
from flyball.server.traces.view.episode import EpisodeView, TrajectoryView
from flyball.server.traces.view.rows import Aside, Row

from ..chat import STYLES
from .listing import said

_ASIDES = {
    "call": "cyan",
    "result": "green",
    "decision": "magenta",
    "edit": "bold yellow",
    "dropped": "red",
    "note": "italic",
    "engine": "dim",
    "context": "blue",
    "end": "bold",
}
_LONGEST = 600
"""Characters of a call's arguments or result that are shown; the page has all."""


def print_episode(view: EpisodeView, console: Console | None = None) -> None:
    """Print it; what others wrote can neither be markup nor control the terminal."""
    console = console or Console(highlight=False)
    console.print(Group(*_head(view)))
    for trajectory in view.trajectories:
        console.print(Rule(f"answer {trajectory.record.index + 1} of {len(view.trajectories)}", align="left"))
        console.print(_log(trajectory))
    console.print(Rule("budget", align="left"))
    for entry in view.ledger:
        allowed = "no limit" if entry.limit is None else f"of {entry.limit:g}"
        console.print(_safe(f"  {entry.item}: {entry.spent:g} {allowed}", "red" if entry.share == 1 else ""))


def _safe(text: str, style: str = "") -> Text:
    return Text(clean(text), style=style)


def _head(view: EpisodeView) -> Iterator[Text | Padding]:
    record = view.record
    yield _safe(record.id, "bold")
    facts = [
        f"{record.created:%Y-%m-%d %H:%M:%S} UTC",
        record.model,
        f"ended: {record.outcome}",
        f"{record.seconds:.2f} s",
        f"controllers: {', '.join(record.controllers()) or 'none'}",
    ]
    yield _safe(" · ".join(facts))
    if view.undecoded is not None:
        yield _safe(f"Token ids instead of text: {view.undecoded}. Name one with --tokenizer.", "yellow")
    if record.redacted:
        yield _safe(f"{record.redacted} places were taken out before this was stored.", "yellow")
    for each in record.feedback:
        comment = f": {each.comment}" if each.comment else ""
        yield _safe(f"feedback {said(each)}{comment}", "bold magenta")
    for message in record.messages:
        content = message.get("content")
        yield _safe(f"{message.get('role', '')}:", "bold blue")
        yield Padding(_safe(content if isinstance(content, str) else str(content or "")), (0, 0, 0, 2))


def _log(trajectory: TrajectoryView) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    table.add_column("token", justify="right", width=5)
    table.add_column("what", width=16)
    table.add_column("text", ratio=3, overflow="fold")
    table.add_column("what happened there", ratio=2, overflow="fold")
    for row in trajectory.rows:
        at = "" if row.stretch is None else str(row.stretch.position)
        table.add_row(at, _safe(row.part, _style(row)), _text(row), Text("\n").join(map(_aside, row.asides)))
    return table


def _style(row: Row) -> str:
    if row.stretch is None:
        return ""
    if row.stretch.dropped_by is not None:
        return "strike red"
    return "dim" if row.stretch.marker else STYLES.get((row.stretch.channel, row.stretch.origin), "default")


def _text(row: Row) -> Text:
    """The text; what was dropped stands between signs, for eyes and pipes without colours."""
    text = row.text.strip("\n") or row.text.replace("\n", "⏎")
    dropped = row.stretch is not None and row.stretch.dropped_by is not None
    return _safe(f"[-{text}-]" if dropped else text, _style(row))


def _aside(aside: Aside) -> Text:
    detail = (
        aside.detail
        if len(aside.detail) <= _LONGEST
        else f"{aside.detail[:_LONGEST]}… ({len(aside.detail)} characters)"
    )
    title = f"(dropped) {aside.title}" if aside.dropped else aside.title
    style = "strike red" if aside.dropped else _ASIDES.get(aside.kind, "")
    return Text("\n").join([_safe(f"◆ {title}", style), *([_safe(detail)] if detail else [])])
