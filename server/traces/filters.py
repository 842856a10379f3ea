"""Which episodes are wanted."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict

import sqlalchemy as sa

from .schema import episodes, feedback

_SCORE = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Wanted(TypedDict, total=False):
    """Filters that all must hold; None is none."""

    since: datetime | None
    """Begun then or later."""
    until: datetime | None
    """Begun before."""
    model: str | None
    """As the client named it, preset included."""
    preset: str | None
    controller: str | None
    """One that the request asked for."""
    finish: str | None
    """What the client was told: stop, length, tool_calls, cancelled, error."""
    feedback: str | None
    """any, none, a label, or a comparison with the score such as "<0.5"."""


def conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """What a row of `episodes` must meet."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return [_CONDITIONS[name](value) for name, value in given.items()]


def _controller(name: str) -> sa.ColumnElement[bool]:
    return episodes.c.controllers.contains(f",{name},", autoescape=True)


def _feedback(text: str) -> sa.ColumnElement[bool]:
    given = sa.exists().where(feedback.c.episode_id == episodes.c.id)
    if text == "any":
        return given
    if text == "none":
        return ~given
    if (score := _SCORE.fullmatch(text)) is not None:
        return given.where(_COMPARED[score[1]](feedback.c.score, float(score[2])))
    return given.where(feedback.c.label == text)


_CONDITIONS: Mapping[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "since": lambda moment: episodes.c.created >= moment,
    "until": lambda moment: episodes.c.created < moment,
    "model": lambda name: episodes.c.model == name,
    "preset": lambda name: episodes.c.preset == name,
    "controller": _controller,
    "finish": lambda reason: episodes.c.outcome == reason,
    "feedback": _feedback,
}
