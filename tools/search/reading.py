"""Makes passages of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ...core.errors import ConfigError
from ..documents.formats import READERS
from ..passages import Passage
from .files import JSONL, Found
from .splitting import split


@dataclass(frozen=True)
class FilePassage(Passage):
    """A passage of a file. Its id is the file's name and the passage's number, its title what a model is told of both.

    Example: FilePassage("guide.md#4", "guide.md, Install > Linux", "Run it.", "guide.md", "Install > Linux").
    """

    path: str = ""
    """Inside the corpus."""
    place: str = ""
    """Headings or page, where there are any."""


class _Row(msgspec.Struct):
    """A line of a JSONL file; other fields are nothing."""

    text: str
    title: str | None = None
    id: str | int | None = None


def passages_of(file: Found, data: bytes, most: int) -> list[FilePassage]:
    """The passages of a file that has these bytes. Errors: ConfigError for one that cannot be read."""
    parts = _rows(file, data) if file.path.suffix.lower() == JSONL else _sections(file, data)
    return [
        FilePassage(f"{name}.{number}" if number else name, title, text, file.name, place)
        for name, title, whole, place in parts
        for number, text in enumerate(split(whole, most))
    ]


def _sections(file: Found, data: bytes) -> Iterator[tuple[str, str, str, str]]:
    read = READERS[file.path.suffix.lower()]
    for number, section in enumerate(read(data), 1):
        title = f"{file.name}, {section.place}" if section.place else file.name
        yield f"{file.name}#{number}", title, section.text, section.place


def _rows(file: Found, data: bytes) -> Iterator[tuple[str, str, str, str]]:
    """A row keeps the title that it has."""
    decode = msgspec.json.Decoder(_Row).decode
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"line {number}: {error}") from error
        title = file.name if row.title is None else row.title
        yield f"{file.name}#{number if row.id is None else row.id}", title, row.text, f"line {number}"
