"""The page of an episode, in a real browser: it shows everything, and nothing that it shows can act."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from selectolax.lexbor import LexborHTMLParser

from flyball.server.traces.page.render import page
from flyball.server.traces.records import EpisodeRecord, Feedback
from flyball.server.traces.view.episode import view_of

from .browser import Browser
from .records import NOON
from .told import HOSTILE, hostile_episode, told_episode


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


def written(record: EpisodeRecord, folder: Path) -> Path:
    path = folder / "page.html"
    path.write_text(page(view_of(record)), encoding="utf-8")
    return path


def texts(tree: LexborHTMLParser, selector: str) -> list[str]:
    return [node.text(strip=True) for node in tree.css(selector)]


def test_a_browser_shows_the_episode_as_it_was_decoded(browser: Browser, tmp_path: Path) -> None:
    said = Feedback(by="ann", score=0.5, label="good", comment="quick", created=NOON)
    tree = LexborHTMLParser(browser.dom(written(told_episode(feedback=(said,)), tmp_path)))

    assert texts(tree, "del.text") == ["Wait, no, let me guess.", "And so on"]
    assert "It is 42." in texts(tree, "tr.answer .text")
    assert texts(tree, "tr.injected .text") == ["I should recheck."]
    assert texts(tree, ".aside.k-call pre") == ['{\n  "code": "6*7"\n}']
    assert texts(tree, ".aside.k-result pre") == ["42"]
    (decision,) = tree.css(".aside.decision")
    assert "recheck of recheck, logic" in decision.text() and "p = 0.25" in decision.text()
    assert [bar.attributes["style"] for bar in tree.css(".aside.decision i")] == ["width:25.0%"]
    assert [row.text(separator=" ", strip=True).strip() for row in tree.css(".ledger tr")[1:]] == [
        "tokens 30 40",
        "tool_calls.python 1 1",
    ]
    assert len(tree.css(".timeline a")) == len(tree.css("table.log tr[id]")) - 1
    assert next(link.attributes["href"] for link in tree.css(".timeline a")) == "#r0-1"
    assert "quick" in tree.body.text() and "ann" in tree.body.text()  # type: ignore[union-attr]


def test_a_browser_paints_it_with_the_pages_own_styles(browser: Browser, tmp_path: Path) -> None:
    """The policy that forbids everything else lets them through: what was dropped has its colour."""
    picture = Image.open(browser.screenshot(written(told_episode(), tmp_path))).convert("RGB")

    colours = {colour for count, colour in picture.getcolors(2**24) or [] if count > 200}
    assert {(0xFB, 0xE3, 0xE3), (0xFF, 0xF1, 0xC2), (0xDF, 0xF3, 0xF7)} <= colours


def test_nothing_that_a_trace_holds_acts_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    """Text is text, wherever it stands: no element, no attribute, no script comes of it."""
    tree = LexborHTMLParser(browser.dom(written(hostile_episode(), tmp_path)))
    harmless = LexborHTMLParser(browser.dom(written(told_episode(), tmp_path)))

    assert [title.text() for title in tree.css("title")] == ["Flyball trace hostile"]
    assert tree.css("script") == []
    assert {node.tag for node in tree.css("*")} <= {node.tag for node in harmless.css("*")}
    attributes = {name for node in tree.css("*") for name in node.attributes}
    assert attributes <= {name for node in harmless.css("*") for name in node.attributes}
    assert tree.html is not None and tree.html.count("owned") >= 10


def test_the_page_needs_no_network_and_lets_nothing_in() -> None:
    html = page(view_of(hostile_episode()))

    assert "default-src 'none'" in html and "<script" not in html
    assert re.findall(r"https?://|url\(|@import|\ssrc=", html) == []
    assert "\x1b" not in html and "\u202e" not in html
    assert HOSTILE not in html


def test_a_page_is_made_of_an_episode_without_anything() -> None:
    html = page(view_of(told_episode(trajectories=[], ledger={}, flyball=None, sampling={}, messages=[], redacted=3)))

    assert "none" in html and "3 places" in html
    assert "ids are shown instead" in page(view_of(told_episode(tokenizer=None)))
