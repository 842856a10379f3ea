"""Writes the page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined, Template

from ..view.clean import clean
from ..view.episode import EpisodeView, TrajectoryView
from ..view.items import Stretch

_HERE = Path(__file__).parent


class Block(NamedTuple):
    """A row's part of the timeline: as wide as it has tokens."""

    number: int
    css: str
    tokens: int
    title: str


def page(view: EpisodeView) -> str:
    """The page's HTML."""
    return _template().render(
        view=view,
        record=view.record,
        css=(_HERE / "page.css").read_text(encoding="utf-8"),
        timelines=[timeline(each) for each in view.trajectories],
        request=[("flyball", view.record.flyball), ("sampling", view.record.sampling)],
    )


def timeline(trajectory: TrajectoryView) -> list[Block]:
    """The blocks of a trajectory's timeline."""
    return [
        Block(number, css_of(row.stretch), len(row.stretch.ids), f"{row.part}: {len(row.stretch.ids)} tokens")
        for number, row in enumerate(trajectory.rows)
        if row.stretch is not None
    ]


def css_of(stretch: Stretch | None) -> str:
    """The classes of a stretch: words of ours only."""
    if stretch is None:
        return ""
    words = [str(stretch.channel), str(stretch.origin)]
    return " ".join(words + ["marker"] * stretch.marker + ["dropped"] * (stretch.dropped_by is not None))


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.finalize = lambda value: clean(value) if type(value) is str else value
    environment.filters.update(css_of=css_of, words=_words, pretty=_pretty, number=_number)
    return environment.from_string((_HERE / "page.html").read_text(encoding="utf-8"))


def _number(value: float) -> str:
    return f"{value:,.6g}"


def _words(content: Any) -> str:
    """The text of a message's content: as it is, its parts' texts, or as JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "\n".join(str(part["text"]) for part in content)
    return "" if content is None else _pretty(content)


def _pretty(value: Any) -> str:
    """JSON on several lines; text that is JSON too, other text as it is."""
    if isinstance(value, str):
        try:
            return _pretty_value(json.loads(value))
        except (ValueError, RecursionError):
            return value
    return _pretty_value(value)


def _pretty_value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
