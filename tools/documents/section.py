"""A section of a document, and how headings divide one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Section:
    """Text that stands in one place of a document."""

    place: str
    """Its headings, outermost first, or its page: "Install > Linux", "page 3". Empty where there is neither."""
    text: str


@dataclass(slots=True)
class Outline:
    """Collects text under headings.

    Example: heading(1, "Install"), heading(2, "Linux"), write("Run it.") give one section, in "Install > Linux".
    """

    _trail: list[tuple[int, str]] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _sections: list[Section] = field(default_factory=list)

    def heading(self, level: int, title: str) -> None:
        """What follows stands under this heading, and under those above it of a lower level."""
        self._close()
        self._trail = [*((number, text) for number, text in self._trail if number < level), (level, title)]

    def write(self, text: str) -> None:
        """One line or paragraph."""
        self._lines.append(text)

    def sections(self) -> list[Section]:
        """Those that hold text, in the document's order; a heading alone is none."""
        self._close()
        return list(self._sections)

    def _close(self) -> None:
        text = "\n".join(self._lines).strip()
        if text:
            self._sections.append(Section(" > ".join(title for _, title in self._trail if title), text))
        self._lines.clear()
