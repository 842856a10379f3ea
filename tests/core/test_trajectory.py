"""Trajectories: an append-only log, and the state that it implies."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.decision import Decision
from flyball.core.engine import TokenLogprob
from flyball.core.events import (
    Acted,
    AnyEvent,
    Appended,
    Called,
    Channel,
    Decided,
    Dropped,
    Finished,
    FinishReason,
    Noted,
    Origin,
    Overshot,
)
from flyball.core.training_rows import TrainingRow
from flyball.core.trajectory import Run, Tally, Trajectory, replay

THINK, ANSWER, SAMPLED, INJECTED = Channel.THINK, Channel.ANSWER, Origin.SAMPLED, Origin.INJECTED


def example() -> Trajectory:
    """Prompt 1 2; thinks 10 11, is cut by 20, answers 30 31."""
    trajectory = Trajectory([1, 2])
    trajectory.append([10, 11], THINK, SAMPLED)
    trajectory.append([20], THINK, INJECTED, marker=True)
    trajectory.append([30], ANSWER, SAMPLED)
    trajectory.append([31], ANSWER, SAMPLED)
    return trajectory


def test_tokens_of_one_kind_are_one_run_and_one_event() -> None:
    trajectory = example()
    assert trajectory.ids == [10, 11, 20, 30, 31]
    assert trajectory.runs == [
        Run(0, THINK, SAMPLED, False),
        Run(2, THINK, INJECTED, True),
        Run(3, ANSWER, SAMPLED, False),
    ]
    assert [event.ids for event in trajectory.log if isinstance(event, Appended)] == [[10, 11], [20], [30, 31]]


def test_the_context_is_the_prompt_and_what_is_kept() -> None:
    trajectory = example()
    assert trajectory.context() == [1, 2, 10, 11, 20, 30, 31]
    assert trajectory.context_tokens() == 7


def test_tokens_are_counted_by_origin_and_thinking_without_markers() -> None:
    trajectory = example()
    trajectory.append([40], THINK, SAMPLED, marker=True)
    assert trajectory.tally() == Tally(sampled=5, thinking=2, injected=1, dropped=0)


def test_dropping_takes_tokens_counts_and_logprobs_back() -> None:
    trajectory = Trajectory([1])
    trajectory.append([10, 11, 12], THINK, SAMPLED, logprobs=[TokenLogprob(-float(i)) for i in range(3)])
    trajectory.append([20], THINK, INJECTED)
    trajectory.drop(1, "edit")
    assert trajectory.ids == [10]
    assert trajectory.logprobs == {0: TokenLogprob(-0.0)}
    assert trajectory.tally() == Tally(sampled=1, thinking=1, injected=0, dropped=2)
    assert trajectory.log[-1] == Dropped(position=1, ids=[11, 12, 20], sampled=2, by="edit", channel=THINK)


def test_dropping_from_the_end_on_leaves_no_event() -> None:
    trajectory = example()
    events = len(trajectory.log)
    trajectory.drop(5, "edit")
    assert len(trajectory.log) == events


def test_a_position_before_the_beginning_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="-1"):
        example().drop(-1, "edit")


def test_appending_nothing_leaves_no_run_and_no_event() -> None:
    trajectory = example()
    runs, events = list(trajectory.runs), len(trajectory.log)
    trajectory.append([], THINK, INJECTED)
    assert (trajectory.runs, len(trajectory.log)) == (runs, events)


def test_tokens_past_an_edit_are_counted_as_dropped_and_never_kept() -> None:
    trajectory = example()
    trajectory.overshoot([50, 51])
    trajectory.overshoot([])
    assert trajectory.dropped == 2
    assert trajectory.ids[-1] == 31
    assert [event for event in trajectory.log if isinstance(event, Overshot)] == [Overshot(position=5, ids=[50, 51])]


def test_a_replaced_context_changes_what_the_engine_sees_and_nothing_else() -> None:
    trajectory = example()
    trajectory.replace_context([7, 8], "fold")
    assert trajectory.context() == [7, 8]
    trajectory.append([32], ANSWER, SAMPLED)
    assert trajectory.context() == [7, 8, 32]
    assert trajectory.context_tokens() == 3
    assert trajectory.ids == [10, 11, 20, 30, 31, 32]


def test_dropping_behind_a_replacement_takes_it_back() -> None:
    trajectory = example()
    trajectory.replace_context([7], "fold")
    trajectory.append([32], ANSWER, SAMPLED)
    assert (trajectory.context_tokens(5), trajectory.context_tokens(4)) == (1, 6)
    trajectory.drop(4, "edit")
    assert trajectory.context() == [1, 2, 10, 11, 20, 30]
    assert trajectory.context_tokens() == 6


def test_dropping_at_a_replacement_keeps_it() -> None:
    trajectory = example()
    trajectory.replace_context([7], "fold")
    trajectory.append([32], ANSWER, SAMPLED)
    trajectory.drop(5, "edit")
    assert trajectory.context() == [7]


def test_spans_say_where_runs_end_and_leave_out_what_is_before() -> None:
    trajectory = example()
    assert [(run.start, end) for run, end in trajectory.spans()] == [(0, 2), (2, 3), (3, 5)]
    assert [(run.start, end) for run, end in trajectory.spans(3)] == [(3, 5)]
    assert trajectory.spans(5) == []


def test_a_trajectory_that_holds_nothing_has_no_spans() -> None:
    trajectory = example()
    trajectory.drop(0, "edit")
    assert (trajectory.spans(), trajectory.runs, trajectory.context()) == ([], [], [1, 2])


def test_only_sampled_tokens_train() -> None:
    trajectory = Trajectory([1, 2])
    trajectory.append([10], THINK, SAMPLED, logprobs=[TokenLogprob(-0.5)], weight_version="v1")
    trajectory.append([20], THINK, INJECTED)
    trajectory.append([30], ANSWER, SAMPLED)
    (row,) = trajectory.training_rows()
    assert row.ids_T == [1, 2, 10, 20, 30]
    assert row.mask_T == [False, False, True, False, True]
    assert row.logp_T[2] == -0.5
    assert [math.isnan(value) for value in row.logp_T] == [True, True, False, True, True]
    assert row.weight_version == "v1"


def test_a_replaced_context_begins_a_row_and_dropped_tokens_are_in_none() -> None:
    trajectory = Trajectory([1])
    trajectory.append([10, 11], ANSWER, SAMPLED)
    trajectory.drop(1, "edit")
    trajectory.replace_context([7, 8], "fold")
    trajectory.append([12], ANSWER, SAMPLED)
    trajectory.append([13], ANSWER, SAMPLED)
    trajectory.drop(2, "edit")
    rows = trajectory.training_rows()
    assert [(row.ids_T, row.mask_T) for row in rows] == [([1, 10], [False, True]), ([7, 8, 12], [False, False, True])]


def test_a_replacement_that_was_taken_back_leaves_no_row() -> None:
    trajectory = example()
    trajectory.replace_context([7], "fold")
    trajectory.append([32], ANSWER, SAMPLED)
    trajectory.drop(3, "edit")
    trajectory.append([33], ANSWER, SAMPLED)
    (row,) = trajectory.training_rows()
    assert row.ids_T == [1, 2, 10, 11, 20, 33]


def test_rows_in_which_the_model_sampled_nothing_are_left_out() -> None:
    trajectory = Trajectory([1])
    trajectory.append([20], ANSWER, INJECTED)
    assert trajectory.training_rows() == []


def test_a_log_that_does_not_begin_with_the_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="Rendered"):
        replay([Noted(position=0, by="x", text="y")])


def test_events_survive_being_stored() -> None:
    trajectory = example()
    trajectory.note(Finished(position=5, reason=FinishReason.STOP, by="model"))
    stored = msgspec.json.decode(msgspec.json.encode(trajectory.log), type=list[AnyEvent])
    assert stored == trajectory.log


# -- the state is a view of the log ---------------------------------------------------------------------------------

TOKENS = st.lists(st.integers(0, 9), max_size=4)
DECISION = Decision(kind="hint", policy="uniform", candidates=("a",), chosen=("a",), probability=1.0)
STEPS = st.one_of(
    st.tuples(
        st.just("append"), TOKENS, st.sampled_from(Channel), st.sampled_from(Origin), st.booleans(), st.booleans()
    ),
    st.tuples(st.just("drop"), st.integers(0, 20)),
    st.tuples(st.just("overshoot"), TOKENS),
    st.tuples(st.just("replace"), TOKENS),
    st.tuples(st.just("note"), st.integers(0, 4)),
)


def take(trajectory: Trajectory, step: tuple[Any, ...]) -> None:
    at = len(trajectory.ids)
    match step:
        case ("append", tokens, channel, origin, marker, known):
            logprobs = [TokenLogprob(-0.25)] * len(tokens) if known else None
            version = "v1" if known else None
            trajectory.append(tokens, channel, origin, marker=marker, logprobs=logprobs, weight_version=version)
        case ("drop", position):
            trajectory.drop(position, "edit")
        case ("overshoot", tokens):
            trajectory.overshoot(tokens)
        case ("replace", tokens):
            trajectory.replace_context(tokens, "fold")
        case ("note", kind):
            trajectory.note(
                (
                    Called(position=at, call=0, seed=None),
                    Acted(position=at, controller="a", boundary="tokens", detected=at, edits=["Inject"]),
                    Decided(position=at, decision=DECISION),
                    Noted(position=at, by="loop", text="t"),
                    Finished(position=at, reason=FinishReason.LENGTH, by="max_tokens"),
                )[kind]
            )


def state(trajectory: Trajectory) -> dict[str, Any]:
    rows = [TrainingRow(row.ids_T, row.mask_T, [], row.weight_version) for row in trajectory.training_rows()]
    return {
        "log": trajectory.log,
        "ids": trajectory.ids,
        "runs": trajectory.runs,
        "logprobs": trajectory.logprobs,
        "tally": trajectory.tally(),
        "context": trajectory.context(),
        "finished": trajectory.finished,
        "rows": rows,
    }


def trajectories() -> st.SearchStrategy[Trajectory]:
    def made(prompt: list[int], steps: list[tuple[Any, ...]]) -> Trajectory:
        trajectory = Trajectory(prompt)
        for step in steps:
            take(trajectory, step)
        return trajectory

    return st.builds(made, TOKENS, st.lists(STEPS, max_size=25))


@given(trajectories())
def test_replaying_a_log_gives_the_same_trajectory(trajectory: Trajectory) -> None:
    assert state(replay(trajectory.log)) == state(trajectory)


@given(trajectories())
def test_counts_agree_with_the_spans(trajectory: Trajectory) -> None:
    spans = trajectory.spans()
    assert [span.start for span, _ in spans] == sorted({span.start for span, _ in spans})
    assert sum(end - span.start for span, end in spans) == len(trajectory.ids)
    sampled = [(span, end - span.start) for span, end in spans if span.origin is Origin.SAMPLED]
    tally = trajectory.tally()
    assert tally.sampled == sum(count for _, count in sampled)
    assert tally.thinking == sum(count for span, count in sampled if span.channel is THINK and not span.marker)
    assert tally.sampled + tally.injected == len(trajectory.ids)
    assert trajectory.context_tokens() == len(trajectory.context())


@given(trajectories())
def test_the_last_training_row_ends_as_the_context_does(trajectory: Trajectory) -> None:
    trajectory.append([1], ANSWER, SAMPLED)
    assert trajectory.training_rows()[-1].ids_T == trajectory.context()
