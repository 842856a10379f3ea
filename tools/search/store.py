"""An index on disk: a folder per generation, and the name of the one in force.

A generation is written under a name of its own, then `current` is replaced in one step: a reader sees the old one or
the new one, whole. Writers take turns by a lock. A reader that is overtaken between `current` and the files looks again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..corpus_index import CorpusIndex
from .manifest import VERSION, Manifest, sha256
from .reading import FilePassage

_CURRENT, _LOCK, _MANIFEST, _PASSAGES, _SCORES = "current", "lock", "manifest.json", "passages.jsonl", "scores"


class DamagedIndex(Exception):
    """The index on disk cannot be used; it is made anew."""


@dataclass(frozen=True)
class Stored:
    """A generation in memory."""

    generation: str
    manifest: Manifest
    passages: list[FilePassage]
    index: CorpusIndex


class IndexStore:
    """Keeps the generations of one corpus in a folder. Any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time, among threads and processes. Errors: OSError where the folder cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def generation(self) -> str | None:
        """The one in force; None: there is none."""
        try:
            return (self._folder / _CURRENT).read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None

    def load(self) -> Stored | None:
        """The generation in force, or None. Errors: DamagedIndex."""
        while (generation := self.generation()) is not None:
            try:
                return self._load(generation)
            except (OSError, ValueError, KeyError) as error:  # ValueError: also what msgspec and numpy raise
                if generation == self.generation():
                    raise DamagedIndex(f"{type(error).__name__}: {error}") from error
        return None

    def _load(self, generation: str) -> Stored:
        folder = self._folder / os.path.basename(generation)
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
        if manifest.version != VERSION:
            raise ValueError(f"version {manifest.version}, not {VERSION}")
        if _sums(folder) != manifest.sums:
            raise ValueError("files have changed since they were written")
        lines = (folder / _PASSAGES).read_bytes().splitlines()
        passages = [msgspec.json.decode(line, type=FilePassage) for line in lines]
        return Stored(generation, manifest, passages, CorpusIndex.load(folder / _SCORES, passages))

    def save(self, manifest: Manifest, passages: list[FilePassage], index: CorpusIndex) -> Stored:
        """Makes this the generation in force. Call it inside `writing`. Errors: OSError."""
        generation = uuid.uuid4().hex
        folder = self._folder / generation
        folder.mkdir()
        (folder / _PASSAGES).write_bytes(b"\n".join(msgspec.json.encode(passage) for passage in passages))
        index.save(folder / _SCORES)
        manifest = msgspec.structs.replace(manifest, sums=_sums(folder))
        (folder / _MANIFEST).write_bytes(msgspec.json.encode(manifest))
        _replace(self._folder / _CURRENT, generation.encode())
        self._drop_others(generation)
        return Stored(generation, manifest, passages, index)

    def save_manifest(self, stored: Stored, manifest: Manifest) -> Stored:
        """The same passages, of files looked at again. Call it inside `writing`. Errors: OSError."""
        manifest = msgspec.structs.replace(manifest, sums=stored.manifest.sums)
        _replace(self._folder / stored.generation / _MANIFEST, msgspec.json.encode(manifest))
        return Stored(stored.generation, manifest, stored.passages, stored.index)

    def _drop_others(self, generation: str) -> None:
        """Also what a writer that died left behind."""
        for path in self._folder.iterdir():
            if path.is_dir() and path.name != generation:
                shutil.rmtree(path, ignore_errors=True)


def _sums(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != _MANIFEST)
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in files}


def _replace(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        new.write_bytes(data)
        os.replace(new, path)
    finally:
        with suppress(FileNotFoundError):
            new.unlink()
