"""Rule 7, `stop`: found in the text of the answer that the model wrote, wherever token, delta and call boundaries fall."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.controller import Reach
from flyball.controllers.edits import Inject, Truncate
from flyball.controllers.text_match import StopMatch
from flyball.core.chat_format import Thinking
from flyball.core.events import Channel, FinishReason

from .worlds import (
    CALL,
    DELTAS,
    EOS,
    TOOL,
    edits_once,
    ids,
    plain,
    pocket,
    run,
    text_of,
    writes,
)


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize(
    ("answer", "stops", "content", "stop"),
    [
        ("one END two", ("END",), "one ", "END"),
        ("one END two", ("END", " END"), "one", " END"),
        ("one EN", ("END",), "one EN", None),
        ("one ENEND two", ("END",), "one EN", "END"),
        ("END", ("END",), "", "END"),
        ("abc", ("b", "abc"), "a", "b"),
        ("abc", ("abc", "c"), "", "abc"),
        ("one\n\ntwo", ("\n\n",), "one", "\n\n"),
        ("a é b", ("é",), "a ", "é"),
        ("a 😀 b", ("😀 ",), "a ", "😀 "),
        ("a, b; c", (";", ","), "a", ","),
        ("no stop at all", ("x y",), "no stop at all", None),
    ],
)
async def test_the_answer_ends_where_a_stop_string_begins(
    answer: str, stops: tuple[str, ...], content: str, stop: str | None, deltas: tuple[int, ...]
) -> None:
    result = await run(writes(f"{answer}{EOS}"), stops=stops, deltas=deltas, thinking=Thinking.OFF)
    assert (result.shown.content, result.shown.stop, result.shown.finish) == (content, stop, FinishReason.STOP)
    assert plain(result.episode)[0].content == content
    whole = await run(writes(f"{answer}{EOS}"), stops=stops, streamed=False, thinking=Thinking.OFF)
    assert whole.shown == result.shown


async def test_a_stop_string_inside_of_a_token_cuts_the_token() -> None:
    word = next(token for token in ids(" double-check the whole thing once more") if len(text_of([token])) >= 4)
    text = text_of([word])
    result = await run(lambda request: [word, *ids(EOS)], stops=(text[2:3],), thinking=Thinking.OFF)
    assert (result.shown.content, result.shown.stop) == (text[:2], text[2:3])


@pytest.mark.parametrize("deltas", DELTAS)
async def test_thinking_and_calls_are_not_searched(deltas: tuple[int, ...]) -> None:
    script = writes(f"an END</think>\n\nyes {CALL} END{EOS}")
    result = await run(script, stops=("END", "name"), tools=(TOOL,), deltas=deltas, thinking=Thinking.ON)
    assert result.shown.reasoning == "an END"
    assert result.shown.calls == [["add", '{"a": 7, "b": 5}']]
    assert (result.shown.content, result.shown.stop) == ("yes  ", "END")


@pytest.mark.parametrize("deltas", DELTAS)
async def test_the_line_breaks_before_an_answer_are_not_searched_because_nobody_sees_them(
    deltas: tuple[int, ...],
) -> None:
    script = writes(f"so\n</think>\n\none\n\ntwo{EOS}")
    result = await run(script, stops=("\n\n",), deltas=deltas, thinking=Thinking.ON)
    assert (result.shown.content, result.shown.stop) == ("one", "\n\n")


@pytest.mark.parametrize("deltas", DELTAS)
async def test_what_closes_thinking_is_not_searched(deltas: tuple[int, ...]) -> None:
    controllers = [{"name": "thinking_budget", "tokens": 2, "closing": "END."}]
    script = writes("a b c d e f", f"yes{EOS}")
    result = await run(script, controllers=controllers, stops=("\n\n", "END"), deltas=deltas, thinking=Thinking.ON)
    assert (result.shown.content, result.shown.stop) == ("yes", None)


@pytest.mark.parametrize("deltas", DELTAS)
async def test_injected_text_is_not_searched_nor_a_stop_string_found_across_it(deltas: tuple[int, ...]) -> None:
    first = ids("one EN")
    controllers = [edits_once("a", TokenWatch(len(first)), Inject("END x"))]
    result = await run(
        writes("one EN", f"D and END{EOS}"),
        controllers=controllers,
        stops=("END",),
        deltas=deltas,
        thinking=Thinking.OFF,
    )
    assert (result.shown.content, result.shown.stop) == ("one ENEND xD and ", "END")


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_stop_string_is_found_across_the_calls_of_a_trajectory(deltas: tuple[int, ...]) -> None:
    first = ids("one EN and more")
    kept = len(ids("one EN"))
    cut = edits_once("a", TokenWatch(len(first)), Truncate(kept), reach=Reach.TRAJECTORY)
    result = await run(
        writes("one EN and more", f"D two{EOS}"),
        controllers=[cut],
        stops=("END",),
        deltas=deltas,
        thinking=Thinking.OFF,
    )
    assert text_of(first[:kept]) == "one EN"
    assert (result.shown.content, result.shown.stop) == ("one ", "END")


async def test_a_stop_string_that_an_edit_took_back_does_not_count() -> None:
    first = ids("one END two three")
    cut = edits_once("a", TokenWatch(2, Channel.THINK), Truncate(0), reach=Reach.TRAJECTORY)
    result = await run(
        writes(f"a b{EOS}", f"c</think>\n\nyes END{EOS}"), controllers=[cut], stops=("END",), thinking=Thinking.ON
    )
    assert len(first) > 1
    assert (result.shown.content, result.shown.stop) == ("yes ", "END")


async def test_a_stop_string_comes_before_a_boundary_that_is_seen_with_it() -> None:
    tokens = len(ids("one END"))
    controllers = [edits_once("a", TokenWatch(tokens), Inject(" and on"))]
    result = await run(writes(f"one END two{EOS}"), controllers=controllers, stops=("END",), thinking=Thinking.OFF)
    assert (result.shown.content, result.kept()) == ("one ", "one END")


PIECES = st.lists(st.sampled_from(["a", "b", "ab", "ba", "é", "😀", "\n", "\n\n", " a", "abab"]), max_size=12)
STOPS = st.lists(st.sampled_from(["ab", "ba", "bab", "é", "\n\n", "aab", "a\n"]), min_size=1, max_size=3, unique=True)


@given(PIECES, STOPS)
def test_the_match_is_the_one_that_is_complete_first_however_text_is_cut_into_tokens(
    pieces: list[str], stops: list[str]
) -> None:
    text = "".join(pieces)
    match = StopMatch(pocket(), stops)
    tokens = [token for piece in pieces for token in ids(piece)]
    for position, token in enumerate(tokens):
        match.feed(position, token, Channel.ANSWER, marker=False)
    ends = [(text.find(stop) + len(stop), text.find(stop), stop) for stop in stops if stop in text]
    assert match.found == ((min(ends)[2], min(ends)[1]) if ends else None)


@given(PIECES, STOPS)
def test_what_is_held_back_is_enough_to_cut_every_stop_string_out(pieces: list[str], stops: list[str]) -> None:
    match = StopMatch(pocket(), stops)
    committed = 0
    tokens = [token for piece in pieces for token in ids(piece)]
    for position, token in enumerate(tokens):
        match.feed(position, token, Channel.ANSWER, marker=False)
        held = match.held(position + 1)
        assert held >= committed
        committed = held
        if match.found is not None:
            shown = pocket().text_stream().feed(tokens[:committed])
            assert len(shown) <= match.found[1]
            return


def test_what_is_pending_is_what_may_begin_a_stop_string() -> None:
    match = StopMatch(pocket(), ["END"])
    for position, token in enumerate(ids("one EN")):
        match.feed(position, token, Channel.ANSWER, marker=False)
    assert match.pending_chars == 2
