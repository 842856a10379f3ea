"""Turns that wait for a client's results: what the server did in them, until the client comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from cachetools import TTLCache

from ..controllers.tool_history import restored
from ..core.errors import RequestError
from ..tools.sessions import ClientKeys

HANDED = "_s"
"""Ends the id of a call that was handed over by a trajectory which may hold calls of the server's own."""
_LOST = "what the server's tools did in an earlier turn is not kept any more: the history is used as it was sent"

Messages = Sequence[Mapping[str, Any]]


class _Kept(NamedTuple):
    messages: Messages
    size: int


class Completed(NamedTuple):
    """A history with the server's calls and results in their places; `notes` say what is missing."""

    messages: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]


class PendingTurns:
    """Keeps turns by the ids of the client's calls in them, under its API key, for a time and up to a size together."""

    def __init__(
        self,
        keys: ClientKeys,
        *,
        seconds: float = 3600.0,
        most_bytes: int = 64 * 2**20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._kept: TTLCache[str, _Kept] = TTLCache(most_bytes, seconds, timer=clock, getsizeof=lambda kept: kept.size)

    def keep(self, api_key: str | None, call_ids: Iterable[str], messages: Messages) -> None:
        """Keep a trajectory's messages until its client sends results. One that is too large is not kept."""
        kept = _Kept(messages, len(msgspec.json.encode(messages)))
        for call_id in call_ids:
            if kept.size <= self._kept.maxsize:
                self._kept[self._keys.key(api_key, call_id)] = kept

    def complete(self, api_key: str | None, messages: Messages) -> Completed:
        """The history that a client sent, each of its turns as it was, once."""
        completed: list[Mapping[str, Any]] = []
        lost, used = False, set[int]()
        for message, results in _with_results(messages):
            ids = [str(call.get("id", "")) for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
            kept = self._find(api_key, ids)
            if kept is not None and id(kept) in used:  # a turn that is sent many times must not grow many times
                kept, ids = None, []
            used.add(id(kept))
            lost = lost or (kept is None and any(each.endswith(HANDED) for each in ids))
            completed += [message, *results] if kept is None else restored(kept.messages, message, results)
        return Completed(tuple(completed), (_LOST,) if lost else ())

    def _find(self, api_key: str | None, ids: Iterable[str]) -> _Kept | None:
        for id in ids:
            try:
                kept = self._kept.get(self._keys.key(api_key, id))
            except RequestError:  # an id that is none of ours
                continue
            if kept is not None:
                return kept
        return None


def _with_results(messages: Messages) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Every message; one of the assistant's with the results that follow it."""
    at = 0
    while at < len(messages):
        end = at + 1
        while messages[at]["role"] == "assistant" and end < len(messages) and messages[end]["role"] == "tool":
            end += 1
        yield messages[at], list(messages[at + 1 : end])
        at = end
