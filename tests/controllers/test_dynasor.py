"""dynasor: probes that really agree end the thinking; doubt, missing answers and different ones do not."""

from collections.abc import Iterable
from typing import Any

import pytest

from flyball.controllers.registry import build_controllers
from flyball.controllers.trimming.probes import boxed_answer, certain
from flyball.core.chat_format import Thinking
from flyball.core.engine import EngineRequest
from flyball.core.errors import RequestError
from flyball.core.ledger import AUXILIARY

from .early import start_comparing, thinker
from .worlds import DELTAS, EOS, Run, acted, ids, notes, run, setting, text_of


@pytest.fixture(scope="module", autouse=True)
def comparing() -> None:
    start_comparing()


TEXT = "one two three four five six seven eight nine ten " * 8
PROBE = "... Oh, I suddenly got the answer to the whole problem, **Final Answer**\n\n\\[ \\boxed{"


def dynasor(**params: Any) -> dict[str, Any]:
    return {"name": "dynasor", "chunk": 10, "window": 3, **params}


async def probed(*replies: str, options: Any = None, **params: Any) -> Run:
    """Probe number i is answered with the i-th reply; later ones with the last."""

    def answer(written: str) -> str:
        chunk = len(ids(written.removesuffix(PROBE))) // 10
        return replies[min(chunk, len(replies)) - 1] + EOS

    script = thinker(TEXT, answer)
    return await run(script, controllers=[dynasor(**params)], thinking=Thinking.ON, **(options or {}))


def closing(answer: str) -> str:
    said = f" Oh, I have got the answer to the whole problem\n**Final Answer:**\n\\[\n \\boxed{{{answer}}}\n\\]"
    return f"\n\n...\n</think>\n\n{said}cut{EOS}"


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize(
    ("replies", "at"),
    [
        (["4}", "4}", "4}"], 3),
        (["7}", "4}", "4}", "4}"], 4),
        (["4}", "4} wait", "4}", "4}", "4}"], 5),
        (["4}", "4", "4}", "4}", "4}"], 5),
        (["4}", "}", "4}", "4}", "4}"], 5),
        (["4} we know it", "4}, I cannot doubt it", "4}"], 3),
    ],
)
async def test_the_last_answers_end_the_thinking_when_they_are_there_certain_and_the_same(
    replies: list[str], at: int, deltas: Any
) -> None:
    result = await probed(*replies, options={"deltas": deltas})
    answer = boxed_answer(replies[at - 1])
    assert answer is not None
    assert result.kept() == text_of(ids(TEXT)[: 10 * at]) + closing(answer)


async def test_answers_in_other_forms_are_the_same_by_mathematics() -> None:
    result = await probed("0.5}", "\\frac{1}{2}}", "1/2} \\]", options={"deltas": (1,)})
    assert result.kept().endswith(closing("1/2"))


@pytest.mark.parametrize(
    "replies", [[f"{digit}}}" for digit in "1234567"] * 4, ["4} hmm"], ["4"], ["no}"], ["</think>}"]]
)
async def test_answers_that_differ_are_doubted_or_missing_end_nothing(replies: list[str]) -> None:
    result = await probed(*replies)
    assert result.kept() == f"{TEXT}</think>\n\nyes{EOS}"
    assert acted(result.trajectory) == []


async def test_a_probe_goes_on_from_its_boundary_as_published_and_is_charged() -> None:
    result = await probed("4}", "5}", "6}", "7}", "8}", "9}", "10}")
    probes = [request for request in result.engine.requests if "probe" in request.request_id]
    assert [request.ids for request in probes] == [
        [*result.trajectory.prompt_ids, *ids(TEXT)[: 10 * number], *ids(PROBE)] for number in range(1, len(probes) + 1)
    ]
    sampling = probes[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.6, 0.95, 20)
    assert result.episode.ledger.spent(AUXILIARY) == sum(len(ids(f"{n}}}{EOS}")) for n in range(4, 4 + len(probes)))


async def test_the_end_of_the_turn_inside_of_thinking_is_the_end() -> None:
    def script(request: EngineRequest) -> Iterable[int]:
        return ids("4}" + EOS) if "probe" in request.request_id else [*ids(TEXT)[:25], *ids(EOS)]

    result = await run(script, controllers=[dynasor()], thinking=Thinking.ON)
    assert result.kept() == text_of(ids(TEXT)[:25]) + EOS
    assert len(result.engine.requests) == 1 + 2


async def test_the_model_may_write_the_answer_itself() -> None:
    result = await probed("4}", answer="model")
    assert result.kept() == text_of(ids(TEXT)[:30]) + f"\n\n...\n</think>\n\ncut{EOS}"


async def test_kept_tokens_are_not_dropped() -> None:
    result = await probed("4}", late="keep")
    before = result.kept().removesuffix(closing("4"))
    assert TEXT.startswith(before) and len(ids(before)) >= 30
    assert result.trajectory.dropped <= 1


async def test_probes_that_fail_leave_the_thinking_as_it_is() -> None:
    result = await probed("4}", options={"budget": {"tokens": 100}})
    assert not result.kept().startswith("cut")
    slow = await probed("4}", seconds=1e-9)
    assert slow.kept() == f"{TEXT}</think>\n\nyes{EOS}"
    assert notes(slow.trajectory) == ["no verdict within 1e-09 s"]
    assert len([request for request in slow.engine.requests if "probe" in request.request_id]) <= 4


@pytest.mark.parametrize(("effort", "window", "chunk"), [("mild", 8, 64), ("crazy", 2, 32)])
def test_an_effort_is_a_window_and_a_chunk(effort: str, window: int, chunk: int) -> None:
    (named,) = build_controllers([{"name": "dynasor", "effort": effort}], setting())
    assert named.controller.watches[0].n == chunk  # type: ignore[union-attr]
    assert named.controller._window == window  # type: ignore[attr-defined]


def test_one_answer_agrees_with_nothing() -> None:
    with pytest.raises(RequestError):
        build_controllers([dynasor(window=1)], setting())


@pytest.mark.parametrize(
    ("text", "answer"), [("4}", "4"), ("{a}b} c}", "{a}b"), ("4", None), ("  }", None), ("", None)]
)
def test_an_answer_ends_at_the_brace_that_closes_it(text: str, answer: str | None) -> None:
    assert boxed_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("4} I know", True),
        ("not", True),
        ("another", True),
        ("cannot", True),
        ("No, 4", False),
        ("4. Hmm", False),
        ("hold", False),
    ],
)
def test_words_of_doubt_are_whole_words(text: str, sure: bool) -> None:
    assert certain(text) is sure
