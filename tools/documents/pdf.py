"""PDF, page by page. A scanned page has no text."""

from __future__ import annotations

import io
import logging

from ...core.errors import ConfigError
from .section import Section


def sections(data: bytes) -> list[Section]:
    """One section per page that has text. Errors: ConfigError for a file that is none or wants a password."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns about every small fault of a file
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        texts = [page.extract_text() for page in reader.pages]
    except Exception as error:  # boundary: on a broken file the library raises errors of every kind
        raise ConfigError(f"the PDF cannot be read ({type(error).__name__})") from error
    return [Section(f"page {number}", text.strip()) for number, text in enumerate(texts, 1) if text.strip()]
