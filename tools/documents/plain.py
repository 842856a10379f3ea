"""Text as it stands."""

from __future__ import annotations

import codecs

from .section import Section

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or what its byte order mark says; other bytes become replacement characters."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    return data.decode(encoding, errors="replace").replace("\r\n", "\n")


def sections(data: bytes) -> list[Section]:
    """One section, or none for a file without text."""
    text = decode(data).strip()
    return [Section("", text)] if text else []
