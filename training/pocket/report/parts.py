"""The rows of a run that is not finished, on disk as soon as a part is done, so that a run broken off can go on."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import msgspec

from ....core.errors import ConfigError
from .rows import Row


class Settings(msgspec.Struct, frozen=True):
    """What decides every figure of a run."""

    questions: int
    seed: int
    world: str
    files: dict[str, str]
    """SHA-256 of the models and the documents."""


class Parts:
    """One JSON file a part in a folder, and what is done so far in memory."""

    def __init__(self, folder: Path, settings: Settings, resume: bool) -> None:
        """Errors: ConfigError where a run was broken off and is not resumed, or cannot be with these settings."""
        self._folder = folder
        self._done: dict[str, list[Row]] = {}
        header = folder / "settings.json"
        if header.exists():
            if not resume:
                raise ConfigError(f"{folder.name} holds a run that was broken off: resume it, or delete the folder")
            if msgspec.json.decode(header.read_bytes(), type=Settings) != settings:
                raise ConfigError(f"{folder.name} was started with other settings or models")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            header.write_bytes(msgspec.json.encode(settings))

    def load(self, name: str) -> list[Row] | None:
        """The rows of a part that is done."""
        path = self._folder / f"{name}.json"
        if name not in self._done and path.exists():
            self._done[name] = msgspec.json.decode(path.read_bytes(), type=list[Row])
        return self._done.get(name)

    def save(self, name: str, rows: list[Row]) -> None:
        """Keeps a part; the file is there whole or not at all."""
        temporary = self._folder / f"{name}.tmp"
        temporary.write_bytes(msgspec.json.encode(rows))
        temporary.replace(self._folder / f"{name}.json")
        self._done[name] = rows

    def errors(self) -> dict[str, int]:
        """The failures of requests so far, the most common first."""
        found = Counter(f"{name}: {row.error}" for name, rows in self._done.items() for row in rows if row.error)
        return dict(found.most_common())

    def turns(self) -> int:
        """The model's turns so far."""
        return sum(len(row.replies) for rows in self._done.values() for row in rows)

    def discard(self) -> None:
        """The run is finished and its report written."""
        shutil.rmtree(self._folder)
