"""HTML: what a person would read of a page, divided by its headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .section import Outline, Section

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

# fmt: off
_SKIPPED = frozenset({
    "script", "style", "noscript", "template", "head", "nav", "footer", "aside", "form", "svg", "math",
    "iframe", "object", "canvas", "dialog", "button", "select", "textarea", "audio", "video", "map",
})
_BLOCKS = frozenset({
    "address", "article", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "tfoot", "thead", "tr", "ul",
})
# fmt: on
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_CELLS = frozenset(("td", "th"))
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_ENCODING = re.compile(
    r"utf-?(8|16|16le|16be)|us-ascii|ascii|latin-?1|iso-8859-\d+|windows-\d+|cp\d+|koi8-[ru]|shift_jis|euc-(jp|kr)|"
    r"gb(k|2312|18030)|big5",
    re.IGNORECASE,
)
"""Encodings of pages. Python knows others, and some of them take a time that grows with the square of the length."""


def sections(data: bytes, encoding: str | None = None) -> list[Section]:
    """The page's text: of its `main` or only `article` if it has one, without menus, forms, scripts and unseen parts.

    `encoding`: what the server said; else the page's own word counts, else UTF-8.
    """
    from selectolax.lexbor import LexborHTMLParser

    root = _main_part(LexborHTMLParser(decode(data, encoding)))
    writer = _Writer()
    if root is not None:
        _walk(root, writer)
    return writer.sections()


def decode(data: bytes, encoding: str | None = None) -> str:
    """The text of a page in the encoding that the server or the page names, if that is one of pages; else in UTF-8."""
    own = _CHARSET.search(data[:4096])
    name = encoding or (own[1].decode("ascii") if own else "utf-8")
    if not _ENCODING.fullmatch(name):
        name = "utf-8"
    try:
        return data.decode(name, errors="replace")
    except LookupError:
        return data.decode("utf-8", errors="replace")


def _main_part(page: LexborHTMLParser) -> LexborNode | None:
    for selector in ("main", "article"):
        found = page.css(selector)
        if len(found) == 1 and found[0].text(strip=True):
            return found[0]
    return page.body or page.root


def _walk(root: LexborNode, writer: _Writer) -> None:
    """Depth first with a stack of our own: a hostile page nests deeper than Python recurses."""
    stack: list[tuple[LexborNode, bool]] = [(root, False)]
    while stack:
        node, closing = stack.pop()
        if closing:
            writer.close(node.tag or "")
        elif node.is_text_node:
            writer.text(node.text_content or "")
        elif node.is_element_node and not _is_unseen(node):
            writer.open(node.tag or "")
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(list(_children(node))))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _is_unseen(node: LexborNode) -> bool:
    if node.tag in _SKIPPED:
        return True
    attributes = node.attributes
    return "hidden" in attributes or bool(_UNSEEN.search(attributes.get("style") or ""))


class _Writer:
    """Makes lines of text nodes and tags."""

    def __init__(self) -> None:
        self._outline = Outline()
        self._inline: list[str] = []
        self._kept = 0  # depth of elements whose spaces count

    def open(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
        if tag == "pre":
            self._kept += 1
        elif tag == "li":
            self._inline.append("- ")
        elif tag == "br":
            self._flush()

    def close(self, tag: str) -> None:
        if tag in _HEADINGS:
            self._outline.heading(int(tag[1]), self._taken())
        elif tag in _BLOCKS:
            self._flush()
        elif tag in _CELLS:
            self._inline.append(" | ")
        if tag == "pre":
            self._kept -= 1

    def text(self, text: str) -> None:
        self._inline.append(text)

    def sections(self) -> list[Section]:
        self._flush()
        return self._outline.sections()

    def _flush(self) -> None:
        line = self._taken()
        if line and line != "-":
            self._outline.write(line)

    def _taken(self) -> str:
        text = "".join(self._inline)
        self._inline.clear()
        return text.strip("\n") if self._kept else " ".join(text.split()).removesuffix(" |")
