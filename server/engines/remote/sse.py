"""Server-sent events, cut out of the bytes of a response as they arrive."""

from __future__ import annotations

DONE = b"[DONE]"
"""The event with which an OpenAI stream says that it is complete."""


class EventCutter:
    """Keeps the unfinished last line between reads. An event is one `data:` line, as OpenAI servers write them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes; comments (keep-alives) and empty lines are left out."""
        if self._rest:
            data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]
