"""The boundary `answer_begin`: the ends of thinking behind which no call follows, in every family's own writing."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from flyball.controllers.boundary import BoundaryKind, Watch
from flyball.controllers.scanner import Scanner
from flyball.core.chat_format import ChatFormat, Thinking
from flyball.core.events import Origin
from flyball.core.trajectory import Trajectory

from .test_formats_results import family
from .test_tool_turns_of_families import TURNS
from .toolbox import call
from .worlds import EOS, MESSAGES, ids, pocket

BEGIN = Watch(BoundaryKind.ANSWER_BEGIN)


class Seen(NamedTuple):
    """What was found in a text: (position, detected); and the lowest position that was held back at each token."""

    found: list[tuple[int, int]]
    held: list[int]


def scanner(format: ChatFormat, *, tools: bool = True, fixed: bool = False) -> Scanner:
    prompt = format.render(MESSAGES, None, Thinking.DEFAULT, {})
    return Scanner(Trajectory(prompt), format, [BEGIN], (), tools, answer_fixed=fixed)


def seen(format: ChatFormat, text: str, **how: bool) -> Seen:
    following, found, held = scanner(format, **how), list[tuple[int, int]](), list[int]()
    for token in format.encode(text):
        if following.plain([token]):
            following.take_plain([token], None, None)
        else:
            made = following.take(token, None, None)
            found += [(each.position, each.detected) for each in made if each.kind is BoundaryKind.ANSWER_BEGIN]
        held.append(following.held)
    return Seen(found, held)


def end(text: str) -> int:
    """Where the thinking of this text is closed."""
    return len(ids(text.partition("</think>")[0]))


@pytest.mark.parametrize(
    "text", ["<think>\nSo 4.</think>\n\n42", "<think>\nSo 4.</think>42", f"<think>\nSo.</think>{EOS}"]
)
def test_it_stands_before_the_marker_and_is_seen_with_the_first_text_or_the_end_of_the_turn(text: str) -> None:
    found, held = seen(pocket(), text)
    first = len(ids(text)) if text.endswith(EOS) else len(ids(text.partition("42")[0])) + 1
    assert found == [(end(text), first)]
    assert held[end(text) : first - 1] == [end(text)] * (first - 1 - end(text))


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\nI look.</think>\n\n{call('add', a=1, b=2)}{EOS}",
        "<think>\nSo 4.</think>\n\n<think>\nNo",
        "<think>\nSo 4.</think>\n\n",
        "4 is it",
    ],
    ids=["call", "more thinking", "not known", "no thinking"],
)
def test_behind_it_is_no_call_and_no_more_thinking(text: str) -> None:
    assert seen(pocket(), text).found == []


@pytest.mark.parametrize("how", [{"tools": False}, {"fixed": True}], ids=["no tools", "a grammar"])
def test_where_no_call_may_follow_the_marker_decides(how: dict[str, bool]) -> None:
    text = "<think>\nSo 4.</think>\n\n42"
    found, held = seen(pocket(), text, **how)
    assert found == [(end(text), end(text) + 1)]
    assert held == list(range(1, len(held) + 1))


@pytest.mark.parametrize("name", ["deepseek-r1", "gpt-oss"])
def test_every_family_that_thinks_has_it_before_an_answer_and_not_before_a_call(name: str) -> None:
    format, (calling, answering) = family(name), TURNS[name]
    if name == "gpt-oss":
        answering = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" + answering
    else:
        answering = f"Hm.\n</think>\n\n{answering}"
    assert seen(format, calling.replace("NAME", "add")).found == []
    ((position, detected),) = seen(format, answering).found
    thought = format.decode(format.encode(answering)[:position])
    assert thought.rstrip().endswith("Hm.")
    assert format.decode(format.encode(answering)[:detected]).endswith("1")


def test_an_end_that_was_written_for_the_model_is_none() -> None:
    following = scanner(pocket())
    for token in ids("<think>\nSo"):
        following.take(token, None, None)
    following.inject(ids("</think>\n\n"))
    assert [following.take(token, None, None) for token in ids("42")] == [[] for _ in ids("42")]
    assert following.held == len(following.trajectory.ids)


def test_after_an_edit_before_it_what_follows_is_found_anew() -> None:
    text = "<think>\nSo 4.</think>\n\n"
    following = scanner(pocket())
    for token in ids(text):
        following.take(token, None, None)
    assert following.held == end(text)
    following.trajectory.drop(end(text), "edit")
    following.rewind()
    assert following.held == end(text)
    made = [each for token in ids(" yes</think>42") for each in following.take(token, None, None)]
    begun = [each.position for each in made if each.kind is BoundaryKind.ANSWER_BEGIN]
    assert begun == [end(text) + len(ids(" yes"))]
    assert following.trajectory.spans()[0][0].origin is Origin.SAMPLED
