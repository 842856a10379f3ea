"""A log as people read it: everything at its place, what was dropped where it was dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.core.events import Channel, Dropped, Origin, ToolAnswered, ToolCalled
from flyball.core.trajectory import Trajectory
from flyball.data import REASONER
from flyball.server.traces.records import HIDDEN, trajectory_record
from flyball.server.traces.view.clean import clean
from flyball.server.traces.view.decoding import decoder, decoder_or_ids, plain_ids, readable
from flyball.server.traces.view.episode import view_of
from flyball.server.traces.view.items import Happening, Stretch, items_of

from ..serving import pocket_format
from .told import told, told_episode


def stretches(trajectory: Trajectory) -> list[tuple[list[int], str | None]]:
    """Ids and who dropped them."""
    return [(list(item.ids), item.dropped_by) for item in items_of(trajectory.log) if isinstance(item, Stretch)]


def sampled(trajectory: Trajectory, ids: list[int], channel: Channel = Channel.THINK) -> None:
    trajectory.append(ids, channel, Origin.SAMPLED)


def test_what_was_dropped_stands_where_it_was_written() -> None:
    trajectory = Trajectory([1])
    sampled(trajectory, [10, 11, 12])
    trajectory.drop(1, "trimr")
    sampled(trajectory, [20])

    assert stretches(trajectory) == [([10], None), ([11, 12], "trimr"), ([20], None)]


def test_a_drop_reaches_over_stretches_and_over_earlier_drops() -> None:
    """Each token is dropped by who dropped it first; spans keep what they were."""
    trajectory = Trajectory([1])
    sampled(trajectory, [10, 11])
    sampled(trajectory, [12, 13], Channel.ANSWER)
    trajectory.drop(3, "first")
    trajectory.append([20], Channel.ANSWER, Origin.INJECTED)
    trajectory.drop(1, "second")
    sampled(trajectory, [30], Channel.ANSWER)

    assert stretches(trajectory) == [
        ([10], None),
        ([11], "second"),
        ([12], "second"),
        ([13], "first"),
        ([20], "second"),
        ([30], None),
    ]
    channels = [item.channel for item in items_of(trajectory.log) if isinstance(item, Stretch)]
    assert channels == ["think", "think", "answer", "answer", "answer", "answer"]


def test_the_kept_stretches_are_the_trajectory() -> None:
    """And the others are what was dropped or overshot."""
    trajectory = told()
    shown = stretches(trajectory)

    assert [id for ids, dropped in shown if dropped is None for id in ids] == trajectory.ids
    assert sum(len(ids) for ids, dropped in shown if dropped is not None) == trajectory.tally().dropped


def test_a_call_whose_tokens_were_dropped_is_dropped_with_its_result() -> None:
    trajectory = Trajectory([1])
    for id in ("1", "2"):
        sampled(trajectory, [11], Channel.CALL)
        end = len(trajectory.ids)
        trajectory.note(ToolCalled(position=end, id=id, name="python", arguments="{}"))
        trajectory.note(ToolAnswered(position=end, id=id, name="python", status="ok", text="", seconds=0))
        trajectory.append([12], Channel.RESULT, Origin.ENVIRONMENT)
    trajectory.drop(2, "thor")

    happened = [item for item in items_of(trajectory.log) if isinstance(item, Happening)]
    assert [(type(item.event).__name__, item.dropped) for item in happened] == [
        ("ToolCalled", False),
        ("ToolAnswered", False),
        ("ToolCalled", True),
        ("ToolAnswered", True),
        ("Dropped", False),
    ]
    assert isinstance(happened[-1].event, Dropped)


def test_every_row_has_its_text_its_part_and_what_happened_behind_it() -> None:
    view = view_of(told_episode())
    (trajectory,) = view.trajectories

    assert view.undecoded is None and trajectory.prompt == "user: What is it?"
    assert [(row.part, row.text.strip(), [aside.kind for aside in row.asides]) for row in trajectory.rows] == [
        ("", "", ["engine"]),
        ("think, marker", "<think>", []),
        ("think", "Six times seven.", []),
        ("think, dropped by trimr", "Wait, no, let me guess.", ["edit", "dropped", "decision"]),
        ("think, injected", "I should recheck.", []),
        ("call", '{"name": "python"}', ["call", "result"]),
        ("result, environment", "42", ["note"]),
        ("answer", "It is 42.", []),
        ("answer, dropped by overshoot", "And so on", ["end"]),
    ]
    titles = [aside.title for row in trajectory.rows for aside in row.asides]
    assert titles[1:4] == [
        "trimr at thought_end: truncate",
        "13 tokens dropped by trimr",
        "hint: recheck of recheck, logic by uniform, p = 0.25",
    ]


def test_a_budget_says_how_much_of_it_is_spent() -> None:
    tokens, calls = view_of(told_episode()).ledger

    assert (tokens.share, calls.share) == (0.75, 1.0)
    unlimited, nothing = view_of(told_episode(ledger={"a": {"spent": 3.0}, "b": {"spent": 0.0, "limit": 0.0}})).ledger
    assert (unlimited.share, nothing.share) == (None, 1.0)


# -- text of ids -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokenizer", ["pocket", str(REASONER)])
def test_ids_are_read_by_name_or_folder_without_the_model(tokenizer: str) -> None:
    assert decoder(tokenizer)(pocket_format().encode("Six times seven.")) == "Six times seven."


def test_without_the_tokenizer_the_ids_are_shown_and_why(tmp_path: Path) -> None:
    decode, why = decoder_or_ids(str(tmp_path))
    assert decode is plain_ids and why is not None and str(tmp_path) in why
    view = view_of(told_episode(tokenizer=None))
    assert view.undecoded is not None
    assert view.trajectories[0].rows[2].text == plain_ids(pocket_format().encode("Six times seven."))
    assert view_of(told_episode(tokenizer=None), "pocket").undecoded is None


def test_hidden_tokens_are_counted_in_their_place() -> None:
    ids = pocket_format().encode("Six times seven.")
    text = readable([*ids, HIDDEN, HIDDEN, *ids], decoder("pocket"))

    assert text == "Six times seven.[2 redacted]Six times seven."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("a\rb\x08c\x07", "a␍b␈c␇"),
        ("\x9b31m \x7f", "\ufffd31m ␡"),
        ("\u202egnp.exe\u2066", "\ufffdgnp.exe\ufffd"),
        ("line\n\ttab é 🙂", "line\n\ttab é 🙂"),
    ],
)
def test_text_cannot_control_what_shows_it(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_trajectory_without_events_has_no_rows() -> None:
    view = view_of(told_episode(trajectories=[trajectory_record(Trajectory([1]))]))

    assert view.trajectories[0].rows == []
