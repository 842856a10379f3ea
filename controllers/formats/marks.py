"""The tracker of families that mark channels with single tokens: a table of transitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from ...core.chat_format import Mark
from ...core.events import Channel


class Place(Enum):
    """Where the next token is: a channel, and for a call the channel that it was opened in."""

    THINK = auto()
    ANSWER = auto()
    CALL = auto()
    THINK_CALL = auto()


_CALL_FROM = {
    Place.THINK: Place.THINK_CALL,
    Place.ANSWER: Place.CALL,
    Place.CALL: Place.CALL,
    Place.THINK_CALL: Place.THINK_CALL,
}
_BACK_TO = {Place.CALL: Place.ANSWER, Place.THINK_CALL: Place.THINK}
_CHANNEL = {
    Place.THINK: Channel.THINK,
    Place.ANSWER: Channel.ANSWER,
    Place.CALL: Channel.CALL,
    Place.THINK_CALL: Channel.CALL,
}


class Table(NamedTuple):
    """What each special token means at each place, and the place after it."""

    special: frozenset[int]
    entries: Mapping[tuple[Place, int], tuple[Mark, Place]]


class Markers(NamedTuple):
    """Token ids that change the channel."""

    eos: tuple[int, ...]
    think_open: tuple[int, ...] = ()
    think_close: tuple[int, ...] = ()
    call_open: tuple[int, ...] = ()
    call_inner: tuple[int, ...] = ()
    call_close: tuple[int, ...] = ()


def transitions(markers: Markers) -> Table:
    """What every marker means at every place.

    A marker out of place is hidden and changes nothing, but that `</think>` also ends a call which was opened while
    thinking: thoughts may mention `<tool_call>` and never close it. Inside of a call thinking markers are text.
    """
    table: dict[tuple[Place, int], tuple[Mark, Place]] = {}

    def put(tokens: Iterable[int], place: Place, channel: Channel, after: Place) -> None:
        table.update({(place, token): (Mark(channel, True, _CHANNEL[after]), after) for token in tokens})

    for place in (Place.THINK, Place.ANSWER):
        put(markers.think_open, place, Channel.THINK, Place.THINK)
        put(markers.call_close + markers.call_inner, place, _CHANNEL[place], place)
    put(markers.think_close, Place.THINK, Channel.THINK, Place.ANSWER)
    put(markers.think_close, Place.ANSWER, Channel.ANSWER, Place.ANSWER)
    put(markers.think_close, Place.THINK_CALL, Channel.THINK, Place.ANSWER)
    for place in Place:
        put(markers.call_open, place, Channel.CALL, _CALL_FROM[place])
        put(markers.eos, place, _CHANNEL[place], place)
    for place, back in _BACK_TO.items():
        put(markers.call_inner, place, Channel.CALL, place)
        put(markers.call_close, place, Channel.CALL, back)
        if not markers.call_close:
            put(markers.eos, place, Channel.CALL, back)
    return Table(frozenset(token for _, token in table), table)


class MarkerTracker:
    """Follows the channel by a table of transitions."""

    busy = False

    def __init__(self, table: Table, place: Place = Place.ANSWER) -> None:
        self.special = table.special
        self._table, self._place = table, place
        self.channel = _CHANNEL[place]

    def see(self, token: int) -> Mark:
        """What this token means; moves on."""
        entry = self._table.entries.get((self._place, token))
        if entry is None:
            return Mark(self.channel, False, self.channel)
        mark, self._place = entry
        self.channel = mark.after
        return mark

    def fork(self) -> MarkerTracker:
        """An independent copy."""
        return MarkerTracker(self._table, self._place)


def after_last(ids: Sequence[int], markers: frozenset[int]) -> Sequence[int]:
    """The ids after the last of the markers; all of them when there is none."""
    for index in range(len(ids) - 1, -1, -1):
        if ids[index] in markers:
            return ids[index + 1 :]
    return ids
