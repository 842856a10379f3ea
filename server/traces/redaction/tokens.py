"""Finds text in the tokens of a log, also where it crosses spans, and hides those tokens.

A token stands in the log once where it was written and again where it was dropped; both are one place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import msgspec

from ....core.events import AnyEvent, Appended, ContextReplaced, Dropped, Overshot, Rendered
from ..records import HIDDEN
from .patterns import Found

Place = tuple[int, int]
"""Number of the event that wrote a token, and its number there."""
Decode = Callable[[Sequence[int]], str]
Find = Callable[[str], list[Found]]


class LogTokens:
    """The places of a log's tokens, and the orders in which somebody reads them."""

    def __init__(self, log: Sequence[AnyEvent]) -> None:
        self._log = log
        self._places: dict[int, list[Place]] = {}
        """By the number of an event, its tokens."""
        self._live: list[Place] = []
        self._written: list[Place] = []
        for number, event in enumerate(log):
            self._take(number, event)

    def _take(self, number: int, event: AnyEvent) -> None:
        if isinstance(event, Dropped):
            self._places[number] = self._live[event.position :]
            del self._live[event.position :]
        elif isinstance(event, Rendered | Appended | Overshot | ContextReplaced):
            places = self._places[number] = [(number, offset) for offset in range(len(event.ids))]
            self._live += places if isinstance(event, Appended) else []
            self._written += places if not isinstance(event, ContextReplaced) else []

    def orders(self) -> Iterator[list[Place]]:
        """All tokens as they were written, prompt first; what was kept; each context that was put in place."""
        yield self._written
        if len(self._live) < sum(len(event.ids) for event in self._log if isinstance(event, Appended)):
            yield self._live
        yield from (self._places[number] for number, event in enumerate(self._log) if type(event) is ContextReplaced)

    def id(self, place: Place) -> int:
        """The id of the token there."""
        event = self._log[place[0]]
        assert isinstance(event, Rendered | Appended | Overshot | ContextReplaced)
        return event.ids[place[1]]

    def without(self, hidden: set[Place]) -> list[AnyEvent]:
        """The log with those tokens hidden."""
        return [self._event_without(number, event, hidden) for number, event in enumerate(self._log)]

    def _event_without(self, number: int, event: AnyEvent, hidden: set[Place]) -> AnyEvent:
        places = self._places.get(number, ())
        if hidden.isdisjoint(places):
            return event
        assert isinstance(event, Rendered | Appended | Overshot | ContextReplaced | Dropped)
        ids = [HIDDEN if place in hidden else id for place, id in zip(places, event.ids, strict=True)]
        return msgspec.structs.replace(event, ids=ids)


def hide_matches(log: Sequence[AnyEvent], find: Find, decode: Decode) -> tuple[list[AnyEvent], int]:
    """The log without tokens that hold some of what is found in their text, and how many those are."""
    tokens, hidden = LogTokens(log), set[Place]()
    for order in tokens.orders():
        ids = [tokens.id(place) for place in order]
        text = decode(ids)
        for found in find(text):
            hidden.update(order[_first(ids, text, found, decode) : _end(ids, text, found, decode)])
    return (tokens.without(hidden) if hidden else list(log)), len(hidden)


def _first(ids: list[int], text: str, found: Found, decode: Decode) -> int:
    """The first token that holds some of the stretch: those before it decode to text that ends before it."""
    counts = range(1, len(ids) + 1)
    return bisect_left(counts, True, key=lambda count: not text[: found.start].startswith(decode(ids[:count])))


def _end(ids: list[int], text: str, found: Found, decode: Decode) -> int:
    """Behind the last such token: with it the whole stretch is decoded."""
    counts = range(len(ids) + 1)
    return bisect_left(counts, True, key=lambda count: decode(ids[:count]).startswith(text[: found.end]))
