"""s1: "Wait" in place of the end of thinking, and its end after so many tokens."""

from typing import Any

import pytest

from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import Thinking
from flyball.core.engine import Abilities
from flyball.core.errors import RequestError

from .worlds import AFTER, DELTAS, EOS, WORDS, acted, ids, run, setting, text_of, thinks, writes

CLOSE = ids("</think>")


def s1(**params: Any) -> dict[str, Any]:
    return {"name": "s1", **params}


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("waits", [0, 1, 3])
async def test_the_end_is_ignored_so_many_times(waits: int, deltas: Any) -> None:
    result = await run(thinks, controllers=[s1(waits=waits)], thinking=Thinking.ON, deltas=deltas)
    expected = text_of(WORDS) + ("Wait" + text_of(AFTER)) * waits
    assert result.kept() == expected + f"</think>\n\nyes{EOS}"


@pytest.mark.parametrize("least", [5, 10, 11, 13, 100])
async def test_only_before_so_many_tokens_where_that_is_asked(least: int) -> None:
    result = await run(thinks, controllers=[s1(waits=4, min_tokens=least)], thinking=Thinking.ON)
    waits = result.kept().count("Wait")
    tokens = [len(WORDS) + number * len(AFTER) for number in range(5)]
    assert waits == next((number for number, count in enumerate(tokens) if count >= least), 4)
    assert result.trajectory.thinking == tokens[waits]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("final", "answer"), [("Final Answer:", "\n</think>\n\nFinal Answer:"), ("", "</think>")])
async def test_thinking_is_closed_after_the_most_and_stays_closed(final: str, answer: str, native: bool) -> None:
    closes = tuple(CLOSE) if native else None
    abilities = Abilities(context_length=4096, thinking_close_ids=closes)
    result = await run(
        writes(text_of(WORDS) + "</think>\n\nyes" + EOS, " done" + EOS),
        controllers=[s1(waits=0, max_tokens=4, final=final)],
        thinking=Thinking.ON,
        abilities=abilities,
    )
    assert result.kept() == text_of(WORDS[:4]) + answer + f" done{EOS}"
    assert result.trajectory.thinking == 4


async def test_waits_and_the_most_together() -> None:
    result = await run(thinks, controllers=[s1(waits=2, max_tokens=12)], thinking=Thinking.ON)
    assert result.trajectory.thinking == 12
    assert result.kept().count("Wait") == 1


async def test_an_empty_block_is_left_alone() -> None:
    result = await run(writes(f"\n\n</think>\n\nyes{EOS}"), controllers=[s1()], thinking=Thinking.ON)
    assert acted(result.trajectory) == []


async def test_code_that_is_not_finished_is_left_alone() -> None:
    result = await run(writes(f"So.\n```python\n1 +</think>\n\nyes{EOS}"), controllers=[s1()], thinking=Thinking.ON)
    assert acted(result.trajectory) == []


def test_the_least_is_not_more_than_the_most() -> None:
    with pytest.raises(RequestError):
        build_controllers([s1(min_tokens=9, max_tokens=8)], setting())
