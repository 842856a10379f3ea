"""Text that is watched for: found in the thinking as soon as it is certain, at a position between two whole tokens."""

from collections.abc import Sequence
from typing import Any

import pytest

from flyball.controllers.boundary import Boundary, BoundaryKind, TextWatch, Watch
from flyball.controllers.controller import Ruling, View
from flyball.controllers.edits import Inject
from flyball.controllers.hinting.after_words import words_watch
from flyball.controllers.watched_text import FoundText, WatchedText
from flyball.core.chat_format import Thinking
from flyball.core.events import Channel, Origin

from .worlds import DELTAS, EOS, THOUGHT_END, call_number, calls, edits_once, ids, pocket, run, table, text_of, writes

WORDS = words_watch(("Wait", "Alternatively", "Hold on"))


def found(
    tokens: Sequence[int], watches: Sequence[TextWatch] = (WORDS,), injected: Sequence[int] = ()
) -> list[FoundText]:
    """What is found in thinking that begins with injected tokens."""
    text, matches = WatchedText(pocket(), watches), []
    for position, token in enumerate([*injected, *tokens]):
        origin = Origin.INJECTED if position < len(injected) else Origin.SAMPLED
        text.feed(position, token, Channel.THINK, False, origin)
        matches += text.take()
    return matches


def places(text: str, **options: Any) -> list[str]:
    """The text up to each position."""
    tokens = ids(text)
    return [text_of(tokens[: match.position]) for match in found(tokens, **options)]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("Wait, no", ["Wait"]),
        ("Wait\n", ["Wait"]),
        ("So. Wait, no. Alternatively, yes", ["So. Wait", "So. Wait, no. Alternatively"]),
        ("a\n\nWait, b", ["a\n\nWait"]),
        ("(Wait)", ["(Wait"]),
        ("Hold on, a", ["Hold on"]),
        ("Wait… é", ["Wait"]),
        ("héé 🙂 Wait 🙂", ["héé 🙂 Wait"]),
        ("Waiting. Await. wait, WAIT. Waité", []),
        ("Hold\non", []),
        ("Wait", []),
    ],
)
def test_a_word_is_found_once_it_is_known_to_be_whole(text: str, before: list[str]) -> None:
    assert places(text) == before


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("```python\nWait, no\n", []),
        ("```python\n# Wait, no\n```\nWait, yes", ["```python\n# Wait, no\n```\nWait"]),
        ("```text\nWait, a\n```\n", []),
        ("`Wait, a`\nb", ["`Wait"]),
        ("``` Wait, a", []),
    ],
)
def test_nothing_is_found_inside_of_code(text: str, before: list[str]) -> None:
    assert places(text) == before


def test_injected_text_is_no_match_and_part_of_none() -> None:
    assert found(ids(", no"), injected=ids("Wait")) == []
    assert found(ids("Wait, no"), injected=ids("```python\n")) == []
    (match,) = found(ids("Wait, no"), injected=ids("Wait, so. "))
    assert match.position == len(ids("Wait, so. ")) + len(ids("Wait"))


def test_a_result_of_a_tool_ends_a_line_and_a_block() -> None:
    text = WatchedText(pocket(), (WORDS,))
    for position, token in enumerate(ids("```python\n1\nWai")):
        text.feed(position, token, Channel.THINK, False, Origin.SAMPLED)
    text.reset()
    for position, token in enumerate(ids("t, a. Wait, b"), start=50):
        text.feed(position, token, Channel.THINK, False, Origin.SAMPLED)
    assert len(text.take()) == 1


@pytest.mark.parametrize("channel", [Channel.ANSWER, Channel.CALL, Channel.RESULT])
def test_only_thinking_is_searched(channel: Channel) -> None:
    text = WatchedText(pocket(), (WORDS,))
    for position, token in enumerate(ids("Wait, no")):
        text.feed(position, token, channel, False, Origin.SAMPLED)
    assert text.take() == []


def test_the_end_of_the_thinking_decides_nothing() -> None:
    text = WatchedText(pocket(), (WORDS,))
    text.feed(0, ids("Wait")[0], Channel.THINK, False, Origin.SAMPLED)
    text.feed(1, ids("</think>")[0], Channel.THINK, True, Origin.SAMPLED)
    text.feed(2, ids(",")[0], Channel.ANSWER, False, Origin.SAMPLED)
    assert text.take() == []


def test_a_token_is_never_split() -> None:
    """A token that holds more than the end of the match belongs to what is found."""
    tokens = ids("12 after that")
    watch = TextWatch(r"12 a(?=.)", 8)
    (match,) = found(tokens, watches=(watch,))
    assert (match.text, text_of(tokens[: match.position])) == ("12 after", "12 after")


def test_two_watches_that_match_together_are_both_told_the_earlier_position_first() -> None:
    letter, word = TextWatch(r"Wait,(?=.)", 8), TextWatch(r"Wait(?=\W)", 8)
    matches = found(ids("Wait, no"), watches=(letter, word))
    assert [match.watch for match in matches] == [word, letter]


@pytest.mark.parametrize("longest", [4, 5, 40])
def test_a_long_line_is_searched_to_its_end(longest: int) -> None:
    watch = TextWatch(r"Wait(?=\W)", longest)
    assert len(found(ids("after that " * 200 + "Wait, a Wait b"), watches=(watch,))) == 2


def watching(*, edits: Any = (), watch: Any = WORDS) -> Any:
    def at(state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        assert boundary.kind is BoundaryKind.TEXT
        return Ruling((*state, (boundary.position, boundary.detected, boundary.found)), edits if not state else ())

    return table("words", watch, at)


@pytest.mark.parametrize("deltas", DELTAS)
async def test_what_is_injected_stands_right_behind_the_match_and_what_followed_it_is_dropped(deltas: Any) -> None:
    script = writes(f"So. Wait, no.</think>\n\nno{EOS}", f" on</think>\n\nyes{EOS}")
    result = await run(script, controllers=[watching(edits=(Inject("! Yes,"),))], deltas=deltas, thinking=Thinking.ON)

    assert result.shown.reasoning == "So. Wait! Yes, on"
    assert text_of(result.engine.requests[1].ids).endswith("So. Wait! Yes,")
    assert len(calls(result.trajectory)) == 2


@pytest.mark.parametrize("deltas", DELTAS)
async def test_characters_whose_bytes_come_in_several_tokens_are_kept_or_dropped_whole(deltas: Any) -> None:
    script = writes(f"Wait… é</think>\n\nno{EOS}", f" on</think>\n\nyes{EOS}")
    result = await run(script, controllers=[watching(edits=(Inject("!"),))], deltas=deltas, thinking=Thinking.ON)

    assert result.shown.reasoning == "Wait! on"


async def test_without_a_watch_for_text_nothing_is_searched() -> None:
    result = await run(
        writes(f"Wait, no.</think>\n\nno{EOS}"), controllers=[watching(watch=THOUGHT_END)], thinking=Thinking.ON
    )
    assert len(calls(result.trajectory)) == 1


async def test_after_an_edit_before_it_a_match_is_told_anew() -> None:
    edit = edits_once("first", Watch(BoundaryKind.THINK_END), Inject(" Wait, hm."))

    def script(request: Any) -> list[int]:
        return ids("So.</think>" if call_number(request) == 0 else f" Wait, so.</think>\n\nyes{EOS}")

    seen: list[str] = []

    def at(state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        seen.append(view.text(0, boundary.position))
        return Ruling(state)

    await run(script, controllers=[edit, table("words", WORDS, at)], thinking=Thinking.ON)
    assert seen == ["So. Wait, hm. Wait"]
