"""The rows of a run that is not finished, on disk as they come: whatever ends the run, it can go on from there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from ...core.errors import ConfigError
from .rows import Key, Row
from .settings import Settings
from .timing import Timing


class _Kept(msgspec.Struct, frozen=True, tag="row"):
    row: Row


def journal_path(out: Path) -> Path:
    """Where the rows of the run are kept whose report will be `out`."""
    return out.with_name(out.name + ".partial")


class Journal:
    """One line with the settings, then one line per row or timing; of two lines about the same thing the last counts."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.rows: dict[Key, Row] = {}
        self.timings: dict[tuple[str, int, int], Timing] = {}
        self._path, self._file = path, file

    @classmethod
    def start(cls, path: Path, settings: Settings, rows: Iterable[Row] = (), timings: Iterable[Timing] = ()) -> Journal:
        """A new journal, perhaps with what an earlier run has found. Errors: FileExistsError, so that nothing is lost."""
        file = path.open("xb")
        file.write(msgspec.json.encode(settings) + b"\n")
        journal = cls(path, file)
        for row in rows:
            journal.add(row)
        for timing in timings:
            journal.add_timing(timing)
        return journal

    @classmethod
    def resume(cls, path: Path, settings: Settings) -> Journal:
        """Go on with a journal; a line that was not written to its end is cut off. Errors: ConfigError."""
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            header, *lines = whole.splitlines()
            found = msgspec.json.decode(header, type=Settings)
            kept = [msgspec.json.decode(line, type=_Kept | Timing) for line in lines]
        except (ValueError, msgspec.DecodeError) as error:
            raise ConfigError(f"{path.name} is no partial run: {error}") from error
        check_same(path.name, found, settings)
        file = path.open("r+b")
        file.truncate(len(whole))
        file.seek(len(whole))
        journal = cls(path, file)
        for line in kept:
            if isinstance(line, Timing):
                journal.timings[line.key] = line
            else:
                journal.rows[line.row.key] = line.row
        return journal

    def add(self, row: Row) -> None:
        """Keep a row, in place of an earlier one of the same job."""
        self.rows[row.key] = row
        self._write(_Kept(row))

    def add_timing(self, timing: Timing) -> None:
        """Keep the time that a block took."""
        self.timings[timing.key] = timing
        self._write(timing)

    def _write(self, line: _Kept | Timing) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """No more rows come now."""
        self._file.close()

    def discard(self) -> None:
        """The run is finished and its report saved."""
        self.close()
        self._path.unlink()


def stored_settings(path: Path) -> Settings:
    """Those of a journal. Errors: ConfigError."""
    try:
        return msgspec.json.decode(path.read_bytes().partition(b"\n")[0], type=Settings)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path.name} is no partial run: {error}") from error


def check_same(name: str, found: Settings, settings: Settings) -> None:
    """Errors: ConfigError for a run of other settings, which it names."""
    if differing := [name for name in Settings.__struct_fields__ if getattr(found, name) != getattr(settings, name)]:
        raise ConfigError(f"{name} was started with other settings: {', '.join(differing)}")
