"""Turns that wait for a client's results: put together again for their client, for a time, up to a size."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.server.pending_turns import PendingTurns
from flyball.tools.sessions import ClientKeys


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def call(id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def assistant(*ids: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": [call(id) for id in ids], **more}


def result(id: str, content: str = "") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content or f"of {id}"}


QUESTION = {"role": "user", "content": "?"}
FIRST = [assistant("ours_0", reasoning_content="a"), result("ours_0")]
KEPT = [*FIRST, assistant("theirs_1_s", "ours_1", "theirs_2_s", reasoning_content="b"), result("ours_1")]
SENT = assistant("theirs_1_s", "theirs_2_s")
WHOLE = [
    QUESTION,
    *FIRST,
    KEPT[2],
    result("theirs_1_s"),
    result("ours_1"),
    result("theirs_2_s"),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pending(clock: Clock) -> PendingTurns:
    pending = PendingTurns(ClientKeys(), seconds=10, most_bytes=2000, clock=clock)
    pending.keep("key", ["theirs_1_s", "theirs_2_s"], KEPT)
    return pending


def completed(pending: PendingTurns, *messages: dict[str, Any], key: str | None = "key") -> list[Any]:
    return [dict(message) for message in pending.complete(key, [QUESTION, *messages]).messages]


@pytest.mark.parametrize("order", [("theirs_1_s", "theirs_2_s"), ("theirs_2_s", "theirs_1_s")])
def test_calls_and_results_stand_in_the_order_in_which_the_model_made_them(
    pending: PendingTurns, order: tuple[str, str]
) -> None:
    assert completed(pending, SENT, *map(result, order)) == WHOLE


def test_a_client_may_have_changed_its_own_calls(pending: PendingTurns) -> None:
    changed = SENT | {"tool_calls": [call("theirs_1_s", "g", '{"x": 1}'), call("theirs_2_s")]}

    turn = completed(pending, changed, result("theirs_1_s"), result("theirs_2_s"))[3]

    assert turn["tool_calls"][0] == call("theirs_1_s", "g", '{"x": 1}')
    assert turn["tool_calls"][1] == call("ours_1")


def test_a_turn_that_is_sent_many_times_is_put_together_once(pending: PendingTurns) -> None:
    results = [result("theirs_1_s"), result("theirs_2_s")]

    assert completed(pending, SENT, *results, SENT, SENT) == [*WHOLE, SENT, SENT]


def test_what_follows_the_turn_stays(pending: PendingTurns) -> None:
    after = [{"role": "assistant", "content": "done"}, QUESTION]

    assert completed(pending, SENT, result("theirs_1_s"), result("theirs_2_s"), *after) == [*WHOLE, *after]


def test_results_that_are_missing_or_too_many_are_no_error(pending: PendingTurns) -> None:
    assert completed(pending, SENT, result("theirs_2_s"), result("other")) == [
        *WHOLE[:4],
        result("ours_1"),
        result("theirs_2_s"),
        result("other"),
    ]


@pytest.mark.parametrize("key", ["another", None])
def test_no_other_clients_turn_is_found(pending: PendingTurns, key: str | None) -> None:
    assert completed(pending, SENT, key=key) == [QUESTION, SENT]


def test_a_turn_is_found_until_its_time_is_over_and_then_the_loss_is_noted(pending: PendingTurns, clock: Clock) -> None:
    clock.now = 9
    assert pending.complete("key", [QUESTION, SENT]).notes == ()
    clock.now = 11
    found = pending.complete("key", [QUESTION, SENT, result("theirs_1_s")])
    assert list(found.messages) == [QUESTION, SENT, result("theirs_1_s")]
    assert len(found.notes) == 1


def test_the_oldest_turns_make_room_and_one_that_is_too_large_is_not_kept(pending: PendingTurns) -> None:
    pending.keep("key", ["large_s"], [assistant("large_s", reasoning_content="x" * 5000)])
    assert pending.complete("key", [assistant("large_s")]).notes != ()
    assert pending.complete("key", [SENT]).notes == ()
    for number in range(4):
        pending.keep("key", [f"{number}_s"], [assistant(f"{number}_s", reasoning_content="x" * 300)])
    assert pending.complete("key", [SENT]).notes != ()
    assert pending.complete("key", [assistant("3_s")]).notes == ()


@pytest.mark.parametrize("id", ["", "x" * 300, "call_1"])
def test_calls_that_were_never_handed_over_are_used_as_they_were_sent(pending: PendingTurns, id: str) -> None:
    found = pending.complete("key", [QUESTION, assistant(id), result(id, "r")])

    assert (list(found.messages), found.notes) == ([QUESTION, assistant(id), result(id, "r")], ())
