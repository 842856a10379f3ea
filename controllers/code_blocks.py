"""Whether text that arrives piece by piece stands inside of code between fences, in whatever language."""

from __future__ import annotations

_FENCE = "```"
_LONGEST = 200
"""A line of more characters opens no block."""


class CodeBlocks:
    """Follows text line by line.

    Example: behind "I compute.\\n```python\\nprint(1)\\n" it stands inside of code, behind one more "```" it does not.
    """

    def __init__(self) -> None:
        self._open = False
        self._line: str | None = ""
        """The line so far; None once it is no fence."""

    @property
    def inside(self) -> bool:
        """Whether what comes next would be part of a block, or of the line that opens one."""
        if self._line is None:
            return self._open
        fence = self._line.startswith(_FENCE)
        return not (fence and self._closes) if self._open else fence

    @property
    def _closes(self) -> bool:
        return (self._line or "").rstrip() == _FENCE

    def feed(self, text: str) -> None:
        """Follow a piece of text."""
        if self._line is None and "\n" not in text:
            return
        head, *lines = text.split("\n")
        self._add(head)
        for line in lines:
            self._end_line()
            self._add(line)

    def _add(self, text: str) -> None:
        if self._line is None:
            return
        line = (self._line + text).lstrip(" \t")
        self._line = line if _FENCE.startswith(line[:3]) and len(line) <= _LONGEST else None

    def _end_line(self) -> None:
        line = self._line or ""
        if self._open:
            self._open = not self._closes
        else:
            self._open = line.startswith(_FENCE) and "`" not in line[len(_FENCE) :]
        self._line = ""


def ends_in_code(text: str) -> bool:
    """Whether what follows the text would be inside of code."""
    blocks = CodeBlocks()
    blocks.feed(text)
    return blocks.inside
