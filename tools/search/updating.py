"""Reads what has changed of a corpus, and takes the rest from what was read before."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from ...core.errors import ConfigError
from .files import Found
from .manifest import FileEntry, Manifest, sha256
from .reading import FilePassage, passages_of

_LOG = logging.getLogger(__name__)


class Known(NamedTuple):
    """A file as it was read, with its passages."""

    entry: FileEntry
    passages: list[FilePassage]


def known_files(manifest: Manifest, passages: Sequence[FilePassage]) -> dict[str, Known]:
    """Whose passages are whose."""
    rest = iter(passages)
    return {name: Known(entry, list(islice(rest, entry.passages))) for name, entry in manifest.files.items()}


def read_changed(files: Sequence[Found], old: Manifest | None, known: dict[str, Known], most: int) -> dict[str, Known]:
    """Every file with its passages; a file that cannot be read has none, and a warning says why."""
    return {
        file.name: known[file.name] if old is not None and old.surely_has(file) else _read(file, known, most)
        for file in files
    }


def _read(file: Found, known: dict[str, Known], most: int) -> Known:
    before = known.get(file.name)
    digest, passages, fault = "", [], ""
    try:
        data = file.path.read_bytes()
        digest = sha256(data)
        if before is not None and before.entry.sha256 == digest:
            passages, fault = before.passages, before.entry.error
        else:
            passages = passages_of(file, data, most)
    except (OSError, ConfigError) as error:
        fault = str(error)
        _LOG.warning("search leaves out %s: %s", file.path, error)
    return Known(FileEntry(file.size, file.mtime_ns, digest, len(passages), fault), passages)
