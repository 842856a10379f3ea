"""hint_infer and faults that are known of published code for hints and calls: none of them is here."""

from typing import Any

import pytest

from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.ledger import TOKENS, tool_calls

from .hints import CODE, FENCE, OUTPUT, hint, statuses
from .toolbox import add, call, offered, python
from .worlds import DELTAS, EOS, acted, calls, ids, run, text_of, writes

END = f"</think>\n\n42{EOS}"
EVERY_PLACE: dict[str, Any] = {
    "rounds": 16, "after_words": 64, "tedious": 64, "trust": "doubt", "prefill": True, "unaided": True,
}  # fmt: skip


def fenced() -> dict[str, Any]:
    return {**offered(python, fenced=True), "tools": ()}


@pytest.mark.parametrize("deltas", DELTAS)
async def test_an_end_inside_of_a_chunk_is_the_end(deltas: Any) -> None:
    """A chunk that ends with the end of the turn is not probed, hinted or continued as if it had ended with a word."""
    result = await run(writes(f"So. Wait{EOS}"), controllers=[hint(after_words=9)], deltas=deltas, thinking=Thinking.ON)
    assert (acted(result.trajectory), len(calls(result.trajectory))) == ([], 1)


@pytest.mark.parametrize("word", ["Awaiting", "await", "Waited", "Waits", "waiting"])
async def test_a_word_inside_of_another_is_not_the_word(word: str) -> None:
    script = writes(f"{word}, no.{END}")
    result = await run(script, controllers=[hint(after_words=9)], thinking=Thinking.ON)
    assert acted(result.trajectory) == []


@pytest.mark.parametrize("deltas", DELTAS)
async def test_the_word_at_which_decoding_stopped_is_kept_exactly_once(deltas: Any) -> None:
    """Engines leave a stop string out of their text, and it must be written again: here it is never taken out."""
    script = writes(f"Wait, no.{END}", f" on{END}")
    result = await run(
        script, controllers=[hint(after_words=1, hints=["Wait, why?"])], deltas=deltas, thinking=Thinking.ON
    )
    assert result.shown.reasoning == "Wait, why? on"


@pytest.mark.parametrize("deltas", DELTAS)
async def test_the_closing_fence_is_kept_exactly_once(deltas: Any) -> None:
    own = ["Let me use Python.\n```python\n"]
    result = await run(
        writes(f"So.{END}", CODE, f"So 42.{END}"),
        controllers=[hint(rounds=1, hints=own)],
        deltas=deltas,
        thinking=Thinking.ON,
        **fenced(),
    )
    assert result.shown.reasoning == f"So.\n\nLet me use Python.\n{FENCE}{OUTPUT}So 42."


async def test_code_whose_fence_was_opened_in_an_earlier_call_is_run() -> None:
    """A look for the opening fence in the last chunk alone would miss it: the hint opened it before."""
    own = ["Let me use Python.\n```python\n"]
    script = writes(f"So.{END}", "x = 6\nprint(6*7)\n```\n", f"So 42.{END}")
    options = fenced()
    result = await run(script, controllers=[hint(rounds=1, hints=own)], thinking=Thinking.ON, **options)
    assert len(statuses(result.trajectory)) == 1


@pytest.mark.parametrize("text", ["Use `print`\nthen go on.", "It is `\n", "a ``\n`b`\n"])
async def test_a_backtick_at_the_end_of_a_line_closes_no_code(text: str) -> None:
    result = await run(writes(f"{text}{END}"), controllers=[hint()], thinking=Thinking.ON, **fenced())
    assert (statuses(result.trajectory), len(calls(result.trajectory))) == ([], 1)


@pytest.mark.parametrize("text", ["Wait, no.", "Wait, no line break is before this."])
async def test_going_back_without_a_line_break_before_keeps_the_prompt(text: str) -> None:
    result = await run(
        writes(f"{text}{END}", f" on{END}"),
        controllers=[hint(after_words=1, hints=["Wait, why?"])],
        thinking=Thinking.ON,
    )
    first, second = result.engine.requests
    assert list(second.ids[: len(first.ids)]) == list(first.ids)
    assert text_of(second.ids[len(first.ids) :]) == "Wait, why?"


async def test_every_token_of_every_round_is_charged() -> None:
    texts = [f"So.{END}", f" a. Wait, b.{END}", f" c.{END}", f" d.{END}"]
    result = await run(
        writes(*texts), controllers=[hint(rounds=2, after_words=1)], thinking=Thinking.ON, deltas=(1000,)
    )
    assert len(calls(result.trajectory)) == 4
    assert result.episode.ledger.spent(TOKENS) == sum(len(ids(text)) for text in texts)


async def test_a_message_with_four_calls_is_charged_four() -> None:
    several = "\n".join(call("add", a=n, b=1) for n in range(4))
    script = writes(f"{several}{EOS}", f"3{EOS}")
    result = await run(script, controllers=[hint(calls=None)], thinking=Thinking.OFF, **offered(add))
    assert result.episode.ledger.spent(tool_calls("add")) == 4


async def test_what_is_not_offered_any_more_is_not_called_any_more() -> None:
    """Beyond the cap a call is refused; it is not made in secret, and not offered again by a hint."""
    own = ["Let me use Python.\n```python\n"]
    script = writes(f"So.{END}", CODE, f"So 42.\n{FENCE}Hm.{END}", f"So 42.{END}")
    result = await run(script, controllers=[hint(rounds=9, hints=own, calls=1)], thinking=Thinking.ON, **fenced())
    assert statuses(result.trajectory) == ["ok", "user_error"]
    assert result.kept().count("Let me use Python.") == 1


@pytest.mark.parametrize(
    "text", ["Wait, ", "Wait, 111 * 222 = 3. ", "So.</think>", "\n\nWait, so.</think>", f"\n{FENCE}Wait, "]
)
async def test_however_the_model_goes_on_hints_come_to_an_end(text: str) -> None:
    def forever(request: EngineRequest) -> list[int]:
        return ids(text) * 50 + ids(END)

    controllers = [hint(**EVERY_PLACE)]
    result = await run(forever, controllers=controllers, thinking=Thinking.ON, max_tokens=1500, **fenced())
    assert result.trajectory.finished is not None
    assert len(calls(result.trajectory)) <= 64 + 1 + 6
