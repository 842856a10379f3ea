"""Which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from . import html, markdown, pdf, plain
from .section import Section

READERS: MappingProxyType[str, Callable[[bytes], list[Section]]] = MappingProxyType(
    {
        ".txt": plain.sections,
        ".text": plain.sections,
        ".rst": plain.sections,
        ".md": markdown.sections,
        ".markdown": markdown.sections,
        ".html": html.sections,
        ".htm": html.sections,
        ".xhtml": html.sections,
        ".pdf": pdf.sections,
    }
)
"""By the end of a file's name, in lower case."""
