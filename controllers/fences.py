"""Code between fences inside of thinking: found while it is written, whatever the tokens and deltas are."""

from __future__ import annotations

import re
from copy import copy

from ..core.chat_format import ChatFormat, Fence
from ..core.events import Channel, Origin

_CLOSING = "```"


class FenceMatch:
    """Follows thinking line by line, and has the code once a line of three backticks closes it.

    The opening line may be injected (a hint that opens a fence for the model); the closing one must be sampled. A fence
    is no code once thinking has ended, by whomever.

    Example: the tokens of "I compute.\\n```python\\nprint(1)\\n```\\n" make `take()` give "print(1)".
    """

    def __init__(self, format: ChatFormat, fence: Fence) -> None:
        self._format = format
        words = "|".join(map(re.escape, fence.languages))
        self._opening = re.compile(rf"[ \t]*```(?:{words})[ \t]*")
        self.reset()
        self._found: str | None = None
        self._at_end: str | None = None

    def reset(self) -> None:
        """What comes now begins a line, outside of a fence."""
        self._stream = self._format.text_stream()
        self._line = ""
        self._code: list[str] | None = None

    def fork(self) -> FenceMatch:
        """An independent copy, to return to after an edit."""
        twin = copy(self)
        twin._stream = self._stream.fork()
        twin._code = None if self._code is None else list(self._code)
        return twin

    def feed(self, token: int, channel: Channel, marker: bool, origin: Origin) -> None:
        """Follow one token."""
        self._found = self._at_end = None
        if channel is not Channel.THINK or marker:
            ended = self._without_line_end() if marker else None
            self.reset()
            self._at_end = ended
            return
        *lines, rest = (self._line + self._stream.feed([token])).split("\n")
        for line in lines:
            self._take_line(line, origin)
        self._line = rest

    def _take_line(self, line: str, origin: Origin) -> None:
        if self._code is None:
            self._code = [] if self._opening.fullmatch(line) else None
        elif line.strip() != _CLOSING:
            self._code.append(line)
        else:
            self._found = "\n".join(self._code) if origin is Origin.SAMPLED else None
            self._code = None

    def take(self) -> str | None:
        """The code of the fence that the last token has closed, once."""
        found, self._found = self._found, None
        return found

    def take_at_end(self) -> str | None:
        """The code, when the turn ended where the closing line lacked only its end; once.

        The last token may be the marker that ended it, which engines that exchange text leave out.
        """
        found, self._at_end = self._at_end, None
        return self._without_line_end() if found is None else found

    def _without_line_end(self) -> str | None:
        return "\n".join(self._code) if self._code is not None and self._line.strip() == _CLOSING else None
