"""Files in, sections out: what is read of each kind, and where it stands."""

from __future__ import annotations

import codecs

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.documents import html, markdown, pdf, plain
from flyball.tools.documents.section import Outline, Section

from . import files


def test_a_heading_ends_deeper_ones_and_its_equals() -> None:
    outline = Outline()
    outline.write("before")
    for level, title in ((1, "A"), (2, "B"), (3, "C")):
        outline.heading(level, title)
    outline.write("in C")
    outline.heading(2, "D")
    outline.write("in D")
    outline.heading(1, "Nothing follows")

    assert outline.sections() == [Section("", "before"), Section("A > B > C", "in C"), Section("A > D", "in D")]


# -- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    ["Zürn\nx".encode(), codecs.BOM_UTF8 + "Zürn\nx".encode(), "Zürn\r\nx".encode(), "Zürn\nx".encode("utf-16")],
    ids=["utf-8", "with a mark", "other line ends", "utf-16"],
)
def test_text_is_one_section_in_the_encoding_that_its_mark_says(data: bytes) -> None:
    assert plain.sections(data) == [Section("", "Zürn\nx")]


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert plain.sections(b"a\xffb") == [Section("", "a\ufffdb")]


@pytest.mark.parametrize("reader", [plain.sections, markdown.sections, html.sections])
def test_a_file_without_text_has_no_section(reader: object) -> None:
    assert callable(reader)
    assert reader(b" \n\n") == []


# -- Markdown ---------------------------------------------------------------------------------------------------------


def test_markdown_is_divided_by_headings_of_both_forms_and_keeps_its_marks() -> None:
    text = b"intro\n\n# A *b*\n- one\n- two\n\n## C\n`x`\n\nD\n===\nlast"
    assert markdown.sections(text) == [
        Section("", "intro"),
        Section("A *b*", "- one\n- two"),
        Section("A *b* > C", "`x`"),
        Section("D", "last"),
    ]


@pytest.mark.parametrize("text", ["```\n# no\n```", "> # no", "- # no", "    # no", "\\# no"])
def test_a_heading_inside_code_a_quotation_or_a_list_divides_nothing(text: str) -> None:
    assert [section.place for section in markdown.sections(text.encode())] == [""]


# -- HTML -------------------------------------------------------------------------------------------------------------


def read(page: str) -> list[Section]:
    return html.sections(page.encode())


def test_html_gives_what_a_person_reads() -> None:
    page = """<html><head><title>t</title><style>s</style></head><body><nav>menu</nav><h1>Install</h1>
    <p>Run <b>it</b>\n   now.<br>Then wait.</p><ul><li>one<li>two</ul><script>evil()</script>
    <table><tr><th>a<th>b<tr><td>1<td>2</table><pre>x\n  y</pre><footer>imprint</footer></body></html>"""
    assert read(page) == [Section("Install", "Run it now.\nThen wait.\n- one\n- two\na | b\n1 | 2\nx\n  y")]


@pytest.mark.parametrize("part", ["main", "article"])
def test_the_main_part_of_a_page_is_read_alone(part: str) -> None:
    assert read(f"<div>around</div><{part}><p>inside</p></{part}><div>around</div>") == [Section("", "inside")]


def test_of_several_articles_all_are_read() -> None:
    assert read("<article>one</article><article>two</article>") == [Section("", "one\ntwo")]


@pytest.mark.parametrize(
    "part",
    ["<p hidden>x</p>", "<p style='Display: none'>x</p>", "<p style='visibility:hidden'>x</p>", "<!-- x -->"],
)
def test_what_no_person_sees_is_not_read(part: str) -> None:
    assert read(f"<p>seen</p>{part}") == [Section("", "seen")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("<p>Zürn".encode("latin-1"), "ISO-8859-1"),
        (b"<meta charset='windows-1252'><p>" + "Zürn".encode("cp1252"), None),
        ("<p>Zürn".encode(), None),
        ("<p>Zürn".encode(), "no such encoding"),
        ("<p>Zürn".encode(), "cp99999"),
    ],
    ids=["server", "page", "neither", "unknown", "not known to Python"],
)
def test_the_encoding_is_what_the_server_or_the_page_says(data: bytes, said: str | None) -> None:
    assert html.sections(data, said) == [Section("", "Zürn")]


def test_an_encoding_that_no_page_has_is_not_used() -> None:
    """Python's punycode decoder takes a time that grows with the square of the length."""
    assert html.sections(b"<p>Zrn-kva", "punycode") == [Section("", "Zrn-kva")]


def test_nesting_deeper_than_python_recurses_is_read() -> None:
    assert read("<div>" * 5000 + "deep") == [Section("", "deep")]


# -- PDF --------------------------------------------------------------------------------------------------------------


def test_a_pdf_is_read_page_by_page_and_a_page_without_text_is_none() -> None:
    found = pdf.sections(files.pdf("First page.", "", "Third page."))
    assert found == [Section("page 1", "First page."), Section("page 3", "Third page.")]


@pytest.mark.parametrize("data", [b"", b"no pdf", b"%PDF-1.4\nnonsense", files.pdf("x")[:200]])
def test_what_is_no_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match="PDF cannot be read"):
        pdf.sections(data)
