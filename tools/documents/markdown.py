"""Markdown, divided by its headings; the text keeps its marks."""

from __future__ import annotations

from itertools import pairwise

from .plain import decode
from .section import Outline, Section


def sections(data: bytes) -> list[Section]:
    """One section per heading that text follows."""
    from markdown_it import MarkdownIt

    text = decode(data)
    lines, outline, end = text.split("\n"), Outline(), 0
    tokens = MarkdownIt().parse(text)
    for token, inside in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:  # not one in a quotation or a list
            outline.write("\n".join(lines[end : token.map[0]]))
            outline.heading(int(token.tag[1:]), inside.content)
            end = token.map[1]
    outline.write("\n".join(lines[end:]))
    return outline.sections()
