"""The files of a corpus."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..documents.formats import READERS

JSONL = ".jsonl"


@dataclass(frozen=True, slots=True)
class Found:
    """A file that can be read."""

    name: str
    """Its path inside the corpus, with /."""
    path: Path
    size: int
    mtime_ns: int


def find_files(root: Path, max_bytes: int) -> list[Found]:
    """The readable files of a folder, or the one file, by name; hidden, larger and special ones are left out.

    A link is followed only to a file inside the folder: a corpus must not show what lies beside it.
    """
    if root.is_file():
        names = [root]
    else:
        names = sorted(path for path in _walk(root) if path.suffix.lower() in (JSONL, *READERS))
    inside = root.resolve()
    found = (_found(path, root) for path in names if path.resolve().is_relative_to(inside))
    return [file for file in found if file is not None and file.size <= max_bytes]


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def _found(path: Path, root: Path) -> Found | None:
    try:
        about = path.stat()
    except OSError:  # gone since, or a link to nothing
        return None
    if not stat.S_ISREG(about.st_mode):
        return None
    name = path.name if path == root else path.relative_to(root).as_posix()
    return Found(name, path, about.st_size, about.st_mtime_ns)
