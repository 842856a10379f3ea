"""What `search` looks into."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class SearchConfig(BaseModel):
    """A corpus and how it is searched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path | None = None
    """A folder of text, Markdown, HTML, PDF and JSONL files, or one of them. None: the pocket corpus."""
    index: Path | None = None
    """The folder that keeps the index. None: one in the user's cache, of its own for each `path`."""
    name: str = "search"
    """The tool's name, where several corpora are searched."""
    description: str = "Search the documents."
    k: int = Field(default=3, ge=1, le=100)
    """Passages that one search gives."""
    passage_characters: int = Field(default=1200, ge=100)
    """The longest passage; sections are split below it, between paragraphs where possible."""
    max_file_mib: int = Field(default=50, ge=1)
    """Larger files are left out."""
    refresh_s: float = Field(default=60.0, ge=0)
    """How often the files are looked at for changes. 0: at every search."""

    def index_folder(self) -> Path:
        """Where the index is kept."""
        if self.index is not None:
            return self.index
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        key = hashlib.sha256(str(self.path and self.path.resolve()).encode()).hexdigest()[:16]
        return cache / "flyball" / "search" / key
