"""A corpus: what a search looks into."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Protocol

from ...core.errors import ConfigError
from ...data import CORPUS
from ..corpus_index import CorpusIndex
from ..passages import load_passages
from .config import SearchConfig
from .files import find_files
from .manifest import VERSION, Manifest
from .reading import FilePassage
from .store import DamagedIndex, IndexStore, Stored
from .updating import known_files, read_changed

_LOG = logging.getLogger(__name__)


class Corpus(Protocol):
    """Gives an index of what the corpus holds; may take its time, so it is called in a thread."""

    def index(self) -> CorpusIndex:
        """Up to date. Errors: ConfigError for a corpus without text."""


class PocketCorpus:
    """The documents of the pocket world."""

    def index(self) -> CorpusIndex:
        """Made anew: they are few."""
        return CorpusIndex(load_passages(CORPUS))


class FolderCorpus:
    """The files of a folder, or one file, with an index on disk that follows their changes.

    Only files that are new or have changed are read and split again. A damaged index is made anew, with a warning; where
    none can be written, it is kept in memory.
    """

    def __init__(self, root: Path, config: SearchConfig) -> None:
        if not root.exists():
            raise ConfigError(f"search: there is no file or folder {root}")
        self._root, self._config = root, config
        self._store = IndexStore(config.index_folder())
        self._held: Stored | None = None

    def index(self) -> CorpusIndex:
        """Of the files as they are. Errors: ConfigError when there is nothing to read among them."""
        try:
            with self._store.writing():
                self._held = self._on_disk(self._loaded())
        except OSError as error:
            _LOG.warning("The search index of %s cannot be kept on disk: %s", self._root, error)
            manifest, passages, _ = self._read(self._held)
            self._held = Stored("", manifest, passages, CorpusIndex(passages))
        return self._held.index

    def _loaded(self) -> Stored | None:
        if self._held is not None and self._held.generation == self._store.generation():
            return self._held
        try:
            return self._store.load()
        except DamagedIndex as damage:
            _LOG.warning("The search index of %s is damaged and is made anew: %s", self._root, damage)
            return None

    def _on_disk(self, old: Stored | None) -> Stored:
        manifest, passages, same = self._read(old)
        if old is None or not same:
            return self._store.save(manifest, passages, CorpusIndex(passages))
        return old if manifest.files == old.manifest.files else self._store.save_manifest(old, manifest)

    def _read(self, old: Stored | None) -> tuple[Manifest, list[FilePassage], bool]:
        """What the files hold, and whether that is what is known of them."""
        most, checked_ns = self._config.passage_characters, time.time_ns()
        if old is not None and old.manifest.passage_characters != most:
            old = None
        known = known_files(old.manifest, old.passages) if old else {}
        files = find_files(self._root, self._config.max_file_mib * 2**20)
        found = read_changed(files, old.manifest if old else None, known, most)
        passages = [passage for file in found.values() for passage in file.passages]
        if not passages:
            raise ConfigError(f"search: nothing in {self._root} can be read as text")
        manifest = Manifest(VERSION, most, checked_ns, {name: file.entry for name, file in found.items()})
        return manifest, passages, passages == (old.passages if old else None)
