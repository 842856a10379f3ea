"""What an index on disk was made of."""

from __future__ import annotations

import hashlib

import msgspec

from .files import Found

VERSION = 1
_UNSURE_NS = 2_000_000_000
"""A file may change without changing its time, within the precision of a file system's clock."""


class FileEntry(msgspec.Struct, frozen=True):
    """A file as it was read."""

    size: int
    mtime_ns: int
    sha256: str
    passages: int
    """How many it gave; they follow those of the file before."""
    error: str = ""
    """Why it could not be read; it is tried again when it has changed."""


class Manifest(msgspec.Struct, frozen=True):
    """The files in their order, and the sums of the index's own files, which show a damaged one."""

    version: int
    passage_characters: int
    checked_ns: int
    """When the files were looked at."""
    files: dict[str, FileEntry]
    sums: dict[str, str] = {}

    def surely_has(self, file: Found) -> bool:
        """Whether size and time alone say that the file has not changed."""
        entry = self.files.get(file.name)
        if entry is None or (entry.size, entry.mtime_ns) != (file.size, file.mtime_ns):
            return False
        return file.mtime_ns < self.checked_ns - _UNSURE_NS


def sha256(data: bytes) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
