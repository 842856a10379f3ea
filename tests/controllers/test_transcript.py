"""What a client is shown besides the texts: where they come from, log-probabilities, calls."""

from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.edits import Inject
from flyball.controllers.transcript import Part, Piece, Transcript
from flyball.core.chat_format import Thinking
from flyball.core.engine import Sampling
from flyball.core.events import Channel, Origin
from flyball.core.trajectory import Trajectory

from .worlds import CALL, DELTAS, EOS, TOOL, WORDS, edits_once, ids, opened, pocket, run, text_of, writes


async def pieces(script: Any, **options: Any) -> list[Piece]:
    episode, _ = opened(script, **options)
    return [piece async for _, piece, _ in episode.pieces()]


def test_a_piece_with_nothing_in_it_is_false() -> None:
    assert not Piece()
    assert Piece(content="a")


@pytest.mark.parametrize("deltas", DELTAS)
async def test_parts_say_who_wrote_what_and_show_what_was_dropped(deltas: tuple[int, ...]) -> None:
    controllers = [{"name": "thinking_budget", "tokens": 3, "closing": "So."}]
    got = await pieces(
        writes(text_of(WORDS), f"yes{EOS}"), controllers=controllers, parts=True, deltas=deltas, thinking=Thinking.ON
    )
    parts = [part for piece in got for part in piece.parts]
    kept: dict[tuple[Channel, Origin], str] = {}
    for part in parts:
        if not part.dropped:
            kept[part.channel, part.origin] = kept.get((part.channel, part.origin), "") + part.text
    assert kept == {
        (Channel.THINK, Origin.SAMPLED): text_of(WORDS[:3]),
        (Channel.THINK, Origin.INJECTED): "So.\n",
        (Channel.ANSWER, Origin.SAMPLED): "yes",
    }
    dropped = [part for part in parts if part.dropped]
    if deltas != (1,):
        assert "".join(part.text for part in dropped) == text_of(
            WORDS[3 : 3 + len(ids("".join(p.text for p in dropped)))]
        )
    assert all(part == Part(Channel.THINK, Origin.SAMPLED, part.text, dropped=True) for part in dropped)


@pytest.mark.parametrize("deltas", DELTAS)
async def test_log_probabilities_are_shown_of_answer_tokens_that_the_model_sampled(deltas: tuple[int, ...]) -> None:
    answer = ids("one two three")
    controllers = [edits_once("a", TokenWatch(len(answer), Channel.ANSWER), Inject(" X"))]
    got = await pieces(
        writes("a b</think>one two three", f" four{EOS}"),
        controllers=controllers,
        sampling=Sampling(max_tokens=1, logprobs=0),
        logprobs=True,
        deltas=deltas,
        thinking=Thinking.ON,
    )
    assert [token for piece in got for token, _ in piece.logprobs] == [*answer, *ids(" four")]


@pytest.mark.parametrize("deltas", DELTAS)
async def test_a_call_that_is_none_is_shown_as_it_was_written(deltas: tuple[int, ...]) -> None:
    script = writes(f"so <tool_call>\nno call\n</tool_call> and {CALL}{CALL}{EOS}")
    result = await run(script, tools=(TOOL,), deltas=deltas, thinking=Thinking.OFF)
    assert result.shown.content == "so \nno call\n and "
    assert result.shown.calls == [["add", '{"a": 7, "b": 5}']] * 2


@pytest.mark.parametrize("deltas", DELTAS)
async def test_without_tools_a_calls_markers_are_answer_text_that_is_not_shown(deltas: tuple[int, ...]) -> None:
    result = await run(writes(f"a {CALL}{EOS}"), deltas=deltas, thinking=Thinking.OFF)
    assert result.shown.calls == []
    assert '{"name": "add"' in result.shown.content


@pytest.mark.parametrize("deltas", DELTAS)
async def test_characters_of_several_tokens_are_shown_whole(deltas: tuple[int, ...]) -> None:
    result = await run(writes(f"né 🙂 wörld{EOS}"), deltas=deltas, thinking=Thinking.OFF)
    assert result.shown.content == "né 🙂 wörld"


def test_a_transcript_that_stands_before_a_dropped_run_reads_on_in_what_came_instead() -> None:
    trajectory = Trajectory(ids("<think>"))
    transcript = Transcript(trajectory, pocket(), calls=False, logprobs=False)
    trajectory.append(WORDS[:2], Channel.THINK, Origin.SAMPLED)
    trajectory.append(ids("</think>"), Channel.THINK, Origin.SAMPLED, marker=True)
    assert transcript.advance(2).reasoning == text_of(WORDS[:2])
    trajectory.drop(2, "edit")
    trajectory.append(WORDS[2:4], Channel.THINK, Origin.SAMPLED)
    assert transcript.close().reasoning == text_of(WORDS[2:4])
