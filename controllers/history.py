"""A controller's states by position, so that the loop can go back with the trajectory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

S = TypeVar("S")


class History(Generic[S]):
    """The states that one controller has been in, oldest first; positions never decrease.

    Example: after record(5, "b") and record(9, "c") on History("a"), restore(7) makes "b" current.
    """

    def __init__(self, initial: S) -> None:
        self._entries: list[tuple[int, S]] = [(0, initial)]

    @property
    def current(self) -> S:
        return self._entries[-1][1]

    def record(self, position: int, state: S) -> None:
        """The controller's state from `position` on. A state seen at an earlier position than the last holds from there."""
        if state is self.current:
            return
        self._entries.append((max(position, self._entries[-1][0]), state))

    def at(self, position: int) -> S:
        """The state that holds at `position`."""
        return next(state for start, state in reversed(self._entries) if start <= position)

    def restore(self, position: int) -> None:
        """Forget every state from after `position`."""
        while self._entries[-1][0] > position:
            self._entries.pop()

    def update_from(self, position: int, change: Callable[[S], S]) -> None:
        """Apply a change that became known late to the state at `position` and to every later one."""
        first = max(index for index, (start, _) in enumerate(self._entries) if start <= position)
        self._entries[first:] = [(start, change(state)) for start, state in self._entries[first:]]
