"""How long streamed thinking lay in the server between engine and client."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from .timed_engine import Emitted

Streamed = Sequence[tuple[float, str]]
"""Pieces of thinking as the client got them: when, and their text."""
_CALIBRATION = 20


def delays(emitted: Emitted, streamed: Streamed) -> Iterator[float]:
    """Seconds of each piece, from when the engine had given its last character; nothing where both tell different texts.

    Example: the engine gives "<think>\\n" at 0.0, "ab" at 1.0 and "cd" at 2.0; the client gets "abcd" at 2.5: 0.5.
    """
    whole = "".join(text for _, text in streamed)
    begin = "".join(text for _, text in emitted).find(whole[:_CALIBRATION])
    if not whole or begin < 0:
        return
    ends = list(accumulate(len(text) for _, text in emitted))
    place, call = begin, 0
    for at, text in streamed:
        place += len(text)
        while call < len(ends) and ends[call] < place:
            call += 1
        if call == len(ends):
            return
        yield at - emitted[call][0]
