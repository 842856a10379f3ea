"""The rows of a run that is not finished, on disk as they come: whatever ends the run, it can go on from there."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec

from ...core.errors import ConfigError
from .rows import Row
from .settings import Settings


def journal_path(out: Path) -> Path:
    """Where the rows of the run are kept whose report will be `out`."""
    return out.with_name(out.name + ".partial")


class Journal:
    """One line with the settings, then one line per row."""

    def __init__(self, path: Path, file: BinaryIO, rows: list[Row]) -> None:
        self.rows = rows
        self._path, self._file = path, file

    @classmethod
    def start(cls, path: Path, settings: Settings) -> Journal:
        """A new journal. Errors: FileExistsError, so that nothing is lost."""
        file = path.open("xb")
        file.write(msgspec.json.encode(settings) + b"\n")
        return cls(path, file, [])

    @classmethod
    def resume(cls, path: Path, settings: Settings) -> Journal:
        """Go on with a journal; a line that was not written to its end is cut off. Errors: ConfigError."""
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            header, *lines = whole.splitlines()
            found = msgspec.json.decode(header, type=Settings)
            rows = [msgspec.json.decode(line, type=Row) for line in lines]
        except (ValueError, msgspec.DecodeError) as error:
            raise ConfigError(f"{path.name} is no partial run: {error}") from error
        if differing := [
            name for name in Settings.__struct_fields__ if getattr(found, name) != getattr(settings, name)
        ]:
            raise ConfigError(f"{path.name} was started with other settings: {', '.join(differing)}")
        file = path.open("r+b")
        file.truncate(len(whole))
        file.seek(len(whole))
        return cls(path, file, rows)

    def add(self, row: Row) -> None:
        """Keep a row."""
        self.rows.append(row)
        self._file.write(msgspec.json.encode(row) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """No more rows come now."""
        self._file.close()

    def discard(self) -> None:
        """The run is finished and its report saved."""
        self.close()
        self._path.unlink()
