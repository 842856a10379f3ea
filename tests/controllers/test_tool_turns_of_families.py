"""The tool loop with every family's own calls and results."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from flyball.controllers.episode import Episode, EpisodeSpec
from flyball.controllers.limits import Limits
from flyball.core.engine import Abilities, Sampling
from flyball.core.events import Origin
from flyball.server.engines.scripted import ScriptedEngine

from .test_formats_deepseek_r1 import wrapped
from .test_formats_results import family
from .toolbox import CLIENT, add, offered
from .worlds import PATIENCE, Shown, call_number

ARGUMENTS = '{"a": 7, "b": 5}'
BEGIN, ONE, SEP, ONE_END, END, EOS = wrapped(
    ["tool▁calls▁begin", "tool▁call▁begin", "tool▁sep", "tool▁call▁end", "tool▁calls▁end", "end▁of▁sentence"]
)
HEADER = " to=functions.NAME<|channel|>commentary json<|message|>"
TURNS = {
    "mistral": (f"[TOOL_CALLS]NAME[ARGS]{ARGUMENTS}</s>", "12</s>"),
    "llama3": (f'{{"name": "NAME", "parameters": {ARGUMENTS}}}<|eot_id|>', "12<|eot_id|>"),
    "gpt-oss": (
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant" + HEADER + ARGUMENTS + "<|call|>",
        "<|channel|>final<|message|>12<|return|>",
    ),
    "deepseek-r1": (
        f"Hm.\n</think>\n\n{BEGIN}{ONE}function{SEP}NAME\n```json\n{ARGUMENTS}\n```{ONE_END}{END}{EOS}",
        f"12{EOS}",
    ),
}


async def decoded(name: str, turns: tuple[str, str], deltas: tuple[int, ...], **offer: Any) -> tuple[Episode, Shown]:
    format = family(name)
    abilities = Abilities(context_length=8192)
    engine = ScriptedEngine(
        lambda request: format.encode(turns[min(call_number(request), 1)]),
        eos_ids=format.eos_ids,
        deltas=deltas,
        abilities=abilities,
    )
    messages = ({"role": "user", "content": "Start with 7, add 5."},)
    spec = EpisodeSpec(id="test", messages=messages, sampling=Sampling(max_tokens=1), **offer)
    limits = Limits(max_tokens=8192, context_length=8192, answer_room=16, close_tokens=20)
    episode, shown = Episode(spec, engine, format, limits), Shown()
    episode.prepare()
    async with asyncio.timeout(PATIENCE), aclosing(episode.pieces()) as pieces:
        async for _, piece, ended in pieces:
            shown.add(piece.reasoning, piece.content, piece.calls)
            shown.finish = ended.reason if ended is not None else None
    return episode, shown


@pytest.mark.parametrize("deltas", [(1,), (1000,)])
@pytest.mark.parametrize("name", TURNS)
async def test_a_call_is_answered_in_the_familys_own_form(name: str, deltas: tuple[int, ...]) -> None:
    call, answer = TURNS[name]
    turns = (call.replace("NAME", "add"), answer)

    episode, shown = await decoded(name, turns, deltas, **offered(add))

    (trajectory,) = [trial.trajectory for trial in episode.trials]
    format = family(name)
    ((run, end),) = trajectory.results()
    assert run.origin is Origin.ENVIRONMENT
    assert format.decode(trajectory.ids[: run.start]) == turns[0]
    assert "12" in format.decode(trajectory.ids[run.start : end])
    assert (shown.content, shown.calls, shown.finish) == ("12", [], "stop")
    assert f"Calling add: {ARGUMENTS}\nResult of add: 12\n" in shown.reasoning


@pytest.mark.parametrize("name", TURNS)
async def test_a_call_of_the_client_is_handed_over(name: str) -> None:
    call, answer = TURNS[name]

    _, shown = await decoded(name, (call.replace("NAME", "ask_user"), answer), (5,), **offered(add, client=True))

    assert shown.calls == [[CLIENT["function"]["name"], ARGUMENTS]]  # type: ignore[index]
    assert shown.finish == "tool_calls"
