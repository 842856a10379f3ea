"""hint_infer with CoRT's hints: the prefill, the tedious calculation, the result that is doubted."""

from typing import Any

import pytest

from flyball.controllers.hinting import instruction, prefill, tedious, trust
from flyball.controllers.hinting.tedious import tedious_watch, was_computed
from flyball.controllers.watched_text import WatchedText
from flyball.core.chat_format import Thinking
from flyball.core.events import Channel, Origin, ToolCalled
from flyball.core.trajectory import Trajectory

from .hints import CODE, FENCE, FENCE_2, OUTPUT, hint, statuses
from .toolbox import add, call, offered, python, responses
from .worlds import DELTAS, EOS, acted, calls, ids, parts, pocket, run, text_of, writes

END = f"</think>\n\n42{EOS}"
OPENED = "\n```python\n"


def runs_code() -> dict[str, Any]:
    return {**offered(python, fenced=True), "tools": ()}


# -- the instruction ---------------------------------------------------------------------------------------------------


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


async def test_the_instruction_stands_behind_the_users_last_message_and_nowhere_else() -> None:
    history = (user("One?"), {"role": "assistant", "content": "1"}, user("Two?"))
    result = await run(writes(f"<think>\nHm.{END}"), controllers=[hint(instruct=True)], messages=history, **runs_code())

    prompt = text_of(result.engine.requests[0].ids)
    assert prompt.count(instruction.TEXT) == 1
    assert f"Two?{instruction.TEXT}<|im_end|>" in prompt


def test_the_instruction_is_as_published() -> None:
    assert instruction.TEXT == (
        "\nPlease integrate natural language reasoning with python programs to solve the problem above, "
        "and put your final answer within \\boxed{}."
    )


def test_the_instruction_is_a_part_of_its_own_where_the_message_has_parts() -> None:
    parts = [{"type": "text", "text": "Two?"}]

    assert instruction.instructed([user(parts)]) == (user([*parts, {"type": "text", "text": instruction.TEXT}]),)
    assert parts == [{"type": "text", "text": "Two?"}]


def test_without_a_message_of_the_users_there_is_nothing_to_instruct() -> None:
    system = {"role": "system", "content": "Be brief."}

    assert instruction.instructed([system]) == (system,)


@pytest.mark.parametrize("params", [{"instruct": True}, {"instruct": False, "unaided": True}])
async def test_without_python_or_without_asking_there_is_no_instruction(params: dict[str, Any]) -> None:
    result = await run(writes(f"<think>\nHm.{END}"), controllers=[hint(**params)])

    assert instruction.TEXT not in text_of(result.engine.requests[0].ids)


# -- the prefill ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("thinking", [Thinking.ON, Thinking.DEFAULT])
async def test_thinking_begins_with_the_prefill_whoever_opens_it(thinking: Thinking, deltas: Any) -> None:
    opens = "<think>" if thinking is Thinking.DEFAULT else ""
    first = f"{opens}\nHm.{END}" if opens else f" Well.{END}"
    script = writes(first, f" Well.{END}")
    result = await run(script, controllers=[hint(prefill=True)], deltas=deltas, thinking=thinking, **runs_code())

    assert text_of(result.engine.requests[-1].ids).endswith(f"<think>\n{prefill.TEXT}")
    assert result.shown.reasoning == f"{prefill.TEXT} Well."
    assert len(calls(result.trajectory)) == (2 if opens else 1)


async def test_the_prefill_is_written_once() -> None:
    turn = f"<think>\nI add.</think>\n\n{call('add', a=1, b=2)}{EOS}"
    script = writes(turn, f" I add.</think>\n\n{call('add', a=1, b=2)}{EOS}", f"<think>\nSo 3.</think>\n\n3{EOS}")
    result = await run(script, controllers=[hint(prefill=True)], **offered(python, add))
    assert result.kept().count(prefill.TEXT) == 1


async def test_without_thinking_there_is_no_prefill() -> None:
    result = await run(
        writes(f"42{EOS}"), controllers=[hint(prefill=True)], thinking=Thinking.OFF, **offered(python, fenced=True)
    )
    assert (acted(result.trajectory), result.shown.content) == ([], "42")


async def test_a_prefill_decides_that_there_is_thinking() -> None:
    auto = {"name": "adaptive_think", "mode": "auto"}
    script = writes(f" Well.{END}")
    result = await run(script, controllers=[auto, hint(prefill=True)], **runs_code())
    assert result.shown.reasoning.startswith(prefill.TEXT)
    assert acted(result.trajectory) == ["hint_infer"]


# -- tedious calculations --------------------------------------------------------------------------------------------


def found(text: str, digits: int = 3) -> list[str]:
    """The text up to each place where numbers are found to be tedious."""
    watched, tokens, places = WatchedText(pocket(), (tedious_watch(digits),)), ids(text), []
    for position, token in enumerate(tokens):
        watched.feed(position, token, Channel.THINK, False, Origin.SAMPLED)
        places += [text_of(tokens[: match.position]) for match in watched.take()]
    return places


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("So 4821 * 9377 = 4", ["So 4821 * 9377"]),
        ("4821*9377\n", ["4821*9377"]),
        ("4,821 \u00d7 93,770, so", ["4,821 \u00d7 93,770,"]),
        ("4821 + 9377. Then", ["4821 + 9377."]),
        ("4821 \\times 9377 ", ["4821 \\times 9377"]),
        ("4821 times 9377?", ["4821 times 9377"]),
        ("4821 x 9377 ", ["4821 x 9377"]),
        ("multiply 4821 multiplied by 9377 ", ["multiply 4821 multiplied by 9377"]),
        ("480 * 937 + 120 * 555 =", ["480 * 937", "480 * 937 + 120 * 555"]),
    ],
)
def test_long_numbers_with_an_operator_between_them_are_tedious(text: str, before: list[str]) -> None:
    assert found(text) == before


@pytest.mark.parametrize(
    "text",
    ["12 * 34 = ", "4821 * 93 = ", "4821 * 9377", "1914-1918 ", "4821, 9377 ", "x4821 * 9377 ", "4821 * 9377.5 ",
     "0.4821 * 9377 ", "4821 * \n9377 ", "```python\n4821 * 9377\n```\n", "4821 " * 9, "1" * 64 + " * 9377 "],
)  # fmt: skip
def test_what_is_short_or_no_calculation_is_not(text: str) -> None:
    assert found(text) == []


def test_how_many_digits_are_tedious_is_the_requests_to_say() -> None:
    assert found("12 * 34 = ", digits=2) == ["12 * 34"]
    assert found("480 * 937 = ", digits=4) == []


@pytest.mark.parametrize("deltas", DELTAS)
async def test_the_model_is_led_to_python_right_behind_the_numbers(deltas: Any) -> None:
    by_hand = f"So 4821 * 9377 = 4820 * 9377 + 9377 = 45{END}"
    script = writes(by_hand, "print(4821*9377)\n```\n", f"So 45206517.{END}")
    result = await run(script, controllers=[hint(tedious=1)], deltas=deltas, thinking=Thinking.ON, **runs_code())
    before = f"So 4821 * 9377\n{tedious.TEXT}{OPENED}print(4821*9377)\n```\n"
    assert result.shown.reasoning == f"{before}```output\n45206517\n```\nSo 45206517."
    assert parts(result.trajectory, origin=Origin.INJECTED).startswith(f"\n{tedious.TEXT}{OPENED}")
    assert statuses(result.trajectory) == ["ok"]


async def test_what_python_has_computed_is_not_tedious_any_more() -> None:
    script = writes(
        f"4821 * 9377 = 4{END}",
        "print(4821*9377)\n```\n",
        f"So 9377 * 4821 = 45206517. But 111 * 222 = 5{END}",
        "print(111*222)\n```\n",
        f"Done.{END}",
    )
    result = await run(script, controllers=[hint(tedious=5)], thinking=Thinking.ON, **runs_code())
    assert acted(result.trajectory) == ["hint_infer"] * 2
    assert f"So 9377 * 4821 = 45206517. But 111 * 222\n{tedious.TEXT}" in result.shown.reasoning


def test_numbers_were_computed_when_one_call_held_them_all() -> None:
    trajectory = Trajectory([1])
    for code in ("print(4821)", "print(9377 * 1000)"):
        trajectory.note(ToolCalled(position=0, id="c", name="python", arguments=code))
    assert was_computed("9,377 * 1000", trajectory)
    assert not was_computed("4821 * 9377", trajectory)


async def test_hints_at_tedious_calculations_are_counted_and_kept_apart() -> None:
    texts = [f" {n}11 * {n}22 = 4{END}" for n in range(1, 7)]
    controllers = [hint(tedious=2, distance=0, unaided=True, open_fence=False)]
    result = await run(writes(*texts), controllers=controllers, thinking=Thinking.ON)
    assert acted(result.trajectory) == ["hint_infer"] * 2

    apart = [hint(tedious=9, distance=len(ids(" 111 * 122")) + 1, unaided=True, open_fence=False)]
    result = await run(writes(*texts), controllers=apart, thinking=Thinking.ON)
    assert acted(result.trajectory) == ["hint_infer"]


# -- results that are doubted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("deltas", DELTAS)
async def test_behind_each_good_result_the_model_is_told_to_trust_it(deltas: Any) -> None:
    bad = "```python\nprint(x)\n```\n"
    script = writes(f"So.\n{FENCE}", f"Again.\n{bad}", f"Again.\n{FENCE_2}", f"So 42.{END}")
    result = await run(script, controllers=[hint(trust="result")], deltas=deltas, thinking=Thinking.ON, **runs_code())
    error = result.shown.reasoning.split("```output\n")[2].split("\n```")[0]
    assert statuses(result.trajectory) == ["ok", "user_error", "ok"]
    assert result.shown.reasoning == (
        f"So.\n{FENCE}{OUTPUT}{trust.TEXT}\nAgain.\n{bad}```output\n{error}\n```\n"
        f"Again.\n{FENCE_2}{OUTPUT}{trust.TEXT}\nSo 42."
    )


async def test_behind_the_result_of_a_template_call_it_is_said_where_the_next_thinking_opens() -> None:
    turn = f"<think>\nI call.</think>\n\n{call('python', code='print(6*7)')}{EOS}"
    script = writes(turn, f"<think>\nHm.</think>\n\n42{EOS}", f"So 42.</think>\n\n42{EOS}")
    result = await run(script, controllers=[hint(trust="result")], **offered(python))
    assert result.kept() == f"{turn}{responses('42')}<think>\n{trust.TEXT}\nSo 42.</think>\n\n42{EOS}"


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize(
    ("doubt", "told"),
    [("Wait, is it", "Wait"), ("So 42.\n\nHmm, is it", "So 42.\n\nHmm"), ("Alternatively I add", "Alternatively")],
)
async def test_the_first_reflection_word_behind_a_result_is_taken_for_a_doubt(
    doubt: str, told: str, deltas: Any
) -> None:
    script = writes(f"Wait, so.\n{FENCE}", f"{doubt} right?{END}", f" So 42. Wait, yes.{END}")
    result = await run(script, controllers=[hint(trust="doubt")], deltas=deltas, thinking=Thinking.ON, **runs_code())
    assert result.shown.reasoning == f"Wait, so.\n{FENCE}{OUTPUT}{told}. {trust.TEXT} So 42. Wait, yes."


async def test_without_a_result_or_after_an_error_nothing_is_said_of_trust() -> None:
    bad = "```python\nprint(x)\n```\n"
    script = writes(f"Wait, so.\n{bad}", f"Wait, hm.{END}")
    for where in ("result", "doubt"):
        result = await run(script, controllers=[hint(trust=where)], thinking=Thinking.ON, **runs_code())
        assert acted(result.trajectory) == []


async def test_after_an_error_a_doubt_is_right_though_an_earlier_result_was_good() -> None:
    bad = "```python\nprint(x)\n```\n"
    script = writes(f"So.\n{FENCE}", f"Again.\n{bad}", f"Wait, hm.{END}")
    result = await run(script, controllers=[hint(trust="doubt")], thinking=Thinking.ON, **runs_code())
    assert (statuses(result.trajectory), acted(result.trajectory)) == (["ok", "user_error"], [])


async def test_only_results_of_python_are_trusted() -> None:
    turn = f"<think>\nI call.</think>\n\n{call('add', a=1, b=2)}{EOS}"
    script = writes(turn, f"<think>\nWait, 3.</think>\n\n3{EOS}")
    for where in ("result", "doubt"):
        result = await run(script, controllers=[hint(trust=where)], **offered(add))
        assert acted(result.trajectory) == []


async def test_all_of_them_together() -> None:
    """The prefill, then a hint where it gets tedious, then trust, then one more round."""
    script = writes(
        f" First 4821 * 9377 = 4{END}",
        "print(4821*9377)\n```\n",
        f"So 45206517.\n\nWait, is it?{END}",
        f" So it is.{END}",
        f" Done.{END}",
    )
    controllers = [hint(prefill=True, tedious=1, trust="doubt", rounds=1, hints=["Wait, once more."])]
    result = await run(script, controllers=controllers, thinking=Thinking.ON, **runs_code())
    assert result.shown.reasoning == (
        f"{prefill.TEXT} First 4821 * 9377\n{tedious.TEXT}{OPENED}print(4821*9377)\n```\n```output\n45206517\n```\n"
        f"So 45206517.\n\nWait. {trust.TEXT} So it is.\n\nWait, once more. Done."
    )
    assert CODE not in result.shown.content
