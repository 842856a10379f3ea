"""What must not be stored is found in texts and in tokens, wherever the borders of tokens and spans are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from flyball.core.decision import Decision
from flyball.core.events import (
    AnyEvent,
    Appended,
    Asked,
    Channel,
    Decided,
    Dropped,
    Finished,
    FinishReason,
    Noted,
    Origin,
    ToolAnswered,
    ToolCalled,
)
from flyball.core.trajectory import Trajectory, replay
from flyball.server.traces.records import HIDDEN, EpisodeRecord, Feedback, trajectory_record
from flyball.server.traces.redaction.everything import HideText
from flyball.server.traces.redaction.matches import HideMatches
from flyball.server.traces.redaction.patterns import Patterns

from ..serving import pocket_format
from .records import NOON, episode, eventful

SECRET = 'Tür"42\\secret'
FORMAT = pocket_format()


def trajectory(*stretches: tuple[str, Channel], prompt: str = "What is it?") -> Trajectory:
    made = Trajectory(FORMAT.encode(prompt))
    for text, channel in stretches:
        made.append(FORMAT.encode(text), channel, Origin.SAMPLED)
    return made


def hide(*patterns: str, secrets: Sequence[str] = (SECRET,)) -> HideMatches:
    return HideMatches(Patterns(secrets, patterns), FORMAT.decode)


def stored(made: Trajectory, redactor: HideMatches | None = None, **changes: Any) -> EpisodeRecord:
    return (redactor or hide()).record(episode(trajectories=[trajectory_record(made)], **changes))


def everything(record: EpisodeRecord) -> str:
    """All text that can be read from a record: the record's own, and each event's tokens."""
    text = msgspec.json.encode(msgspec.structs.replace(record, trajectories=[])).decode()
    for each in record.trajectories:
        text += repr(each.log) + "".join(shown(getattr(event, "ids", ())) for event in each.log)
        text += shown(replay(each.log).ids)
    return text


def shown(ids: Sequence[int]) -> str:
    return FORMAT.decode([id for id in ids if id != HIDDEN])


def kept_text(log: Sequence[AnyEvent]) -> str:
    return shown(replay(log).ids)


def test_a_secret_is_hidden_in_the_tokens_that_hold_it_and_in_no_others() -> None:
    made = trajectory((f"It is {SECRET}, I think.", Channel.THINK), ("The answer is 7.", Channel.ANSWER))
    record = stored(made)

    log = record.trajectories[0].log
    assert kept_text(log).startswith("It is") and kept_text(log).endswith(" I think.The answer is 7.")
    assert "secret" not in everything(record)
    assert 0 < record.redacted == replay(log).ids.count(HIDDEN) <= len(FORMAT.encode(SECRET)) + 2
    assert len(replay(log).ids) == len(made.ids)
    assert "secret" in shown(made.ids), "the trajectory itself is still in use"


def test_a_secret_that_crosses_spans_is_hidden_in_both() -> None:
    record = stored(trajectory((SECRET[:7], Channel.THINK), (f"{SECRET[7:]} it is", Channel.ANSWER)))

    assert kept_text(record.trajectories[0].log).strip() == "it is"


def test_a_secret_is_hidden_where_it_was_dropped_too() -> None:
    """Half of it was kept, half dropped; and a later text completes what was kept anew."""
    made = trajectory(("abc " + SECRET, Channel.THINK))
    made.drop(len(made.ids) - 2, "trimr")
    made.append(FORMAT.encode("xyz"), Channel.THINK, Origin.INJECTED)
    record = stored(made)

    dropped = next(event for event in record.trajectories[0].log if isinstance(event, Dropped))
    assert dropped.ids == [HIDDEN, HIDDEN]
    assert kept_text(record.trajectories[0].log).replace(" ", "") == "abcxyz"


def test_a_secret_that_only_the_kept_text_holds_is_hidden() -> None:
    """What was dropped stood in the middle of it."""
    made = trajectory(("go " + SECRET[:6], Channel.THINK))
    position = len(made.ids)
    made.append(FORMAT.encode(" and on"), Channel.THINK, Origin.SAMPLED)
    made.drop(position, "trimr")
    made.append(FORMAT.encode(SECRET[6:]), Channel.THINK, Origin.SAMPLED)

    assert kept_text(stored(made).trajectories[0].log).strip() == "go"


def test_prompts_contexts_and_overshoot_are_searched() -> None:
    made = trajectory(("fine", Channel.THINK), prompt=f"my key is {SECRET}")
    made.overshoot(FORMAT.encode(SECRET))
    made.replace_context(FORMAT.encode(f"again {SECRET}"), "fold")
    record = stored(made)

    assert "secret" not in everything(record)
    assert "my key is" in everything(record) and "again" in everything(record)


def test_texts_of_the_request_are_searched_in_keys_and_values() -> None:
    record = stored(
        trajectory(),
        messages=[{"role": "user", "content": [{"type": "text", "text": f"use {SECRET}!"}], SECRET: 1}],
        flyball={"controllers": [{"name": "hint_infer", "hint": SECRET}]},
        sampling={"stop": [SECRET, "\n"], "temperature": 0.5},
    )

    assert record.messages == [{"role": "user", "content": [{"type": "text", "text": "use [key]!"}], "[key]": 1}]
    assert record.flyball == {"controllers": [{"name": "hint_infer", "hint": "[key]"}]}
    assert record.sampling == {"stop": ["[key]", "\n"], "temperature": 0.5}
    assert record.redacted == 4


def test_calls_results_notes_and_decisions_are_searched() -> None:
    """A key in a call's arguments may be written with JSON's escapes."""
    made = trajectory(("ok", Channel.ANSWER))
    arguments = json.dumps({"code": f"print('{SECRET}')"})
    assert SECRET not in arguments
    made.note(ToolCalled(position=1, id="1", name="python", arguments=arguments))
    made.note(ToolAnswered(position=1, id="1", name="python", status="ok", text=f"got {SECRET}", seconds=0.1))
    made.note(Noted(position=1, by="x", text=SECRET))
    choice = Decision(kind="k", policy="p", candidates=(SECRET, "b"), chosen=(SECRET,), probability=0.5)
    made.note(Decided(position=1, decision=choice))
    made.note(Finished(position=1, reason=FinishReason.STOP, by="stop", stop=SECRET))
    log = stored(made).trajectories[0].log

    called, answered, noted, decided, finished = log[-5:]
    assert isinstance(called, ToolCalled) and json.loads(called.arguments) == {"code": "print('[key]')"}
    assert isinstance(answered, ToolAnswered) and answered.text == "got [key]"
    assert isinstance(noted, Noted) and noted.text == "[key]"
    assert isinstance(decided, Decided) and decided.decision.candidates == ("[key]", "b")
    assert isinstance(finished, Finished) and finished.stop == "[key]"


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefghijklmnopqrstuvwxyz",
        "ghp_abcdefghijklmnopqrstuvwxyz0123",
        "hf_abcdefghijklmnopqrstuvwxyz0123",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAA==\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_keys_are_known_by_their_form(key: str) -> None:
    """Also where they are none of this server's."""
    record = stored(trajectory((f"use {key} now", Channel.ANSWER)), messages=[{"role": "user", "content": key}])

    assert record.messages == [{"role": "user", "content": "[key]"}]
    assert key not in everything(record)


def test_the_operators_expressions_are_taken_out() -> None:
    redactor = hide(r"\b\d{4}-\d{4}\b", r"(?i)mira tarn")
    record = stored(
        trajectory(("Card 1234-5678 of MIRA Tarn.", Channel.ANSWER)),
        redactor,
        messages=[{"role": "user", "content": "1234-5678, please"}],
    )

    assert record.messages == [{"role": "user", "content": "[redacted], please"}]
    assert "5678" not in everything(record) and "Tarn" not in everything(record)
    assert redactor.feedback(Feedback(score=1, comment="of mira tarn", created=NOON)).comment == "of [redacted]"


def test_a_record_without_secrets_is_stored_as_it_is() -> None:
    """Whatever its log holds, ids that no tokenizer knows included."""
    assert HideMatches(Patterns(), lambda ids: "x" * len(ids)).record(episode()) == episode()


def test_short_secrets_are_not_looked_for() -> None:
    """They would be found in every other text."""
    assert stored(trajectory(("a key", Channel.ANSWER)), hide(secrets=["key"])).redacted == 0


def test_overlapping_matches_are_one() -> None:
    assert Patterns((), ("abc", "bcd", "xyz")).replaced("abcd xyz") == ("[redacted] [redacted]", 2)


def test_a_wrong_expression_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"\(\?=a"):
        Patterns((), ("(?=a)",))


def test_without_text_only_counts_decisions_and_costs_are_stored() -> None:
    """The log still replays to the same positions and spans; no token and no word can be read."""
    made = trajectory(("Think of Mira", Channel.THINK), ("Tarn", Channel.ANSWER), prompt="Who is Mira?")
    made.drop(1, "trimr")
    made.note(ToolCalled(position=1, id="1", name="python", arguments='{"code": "Mira"}'))
    made.note(ToolAnswered(position=1, id="1", name="python", status="ok", text="Mira", seconds=0.1))
    asked = Asked(position=1, by="trimr", model="big", prompt_tokens=0, completion_tokens=0, seconds=0.1)
    made.note(msgspec.structs.replace(asked, reply="Mira"))
    made.note(msgspec.structs.replace(asked, error="400: no such thing as 'Mira'"))
    flyball = {"controllers": [{"name": "hint_infer", "hint": "Mira"}], "tools": ["python"]}
    sent = episode(
        trajectories=[trajectory_record(made)], messages=[{"role": "user", "content": "Mira"}], flyball=flyball,
        sampling={"stop": "Mira", "seed": 1},
    )  # fmt: skip
    record = HideText().record(sent)

    assert "Mira" not in everything(record)
    assert {id for event in record.trajectories[0].log for id in getattr(event, "ids", ())} == {HIDDEN}
    assert record.messages == [{"role": "user", "content": "[redacted]"}]
    assert record.flyball == {"controllers": [{"name": "hint_infer", "hint": "[redacted]"}], "tools": ["python"]}
    assert record.sampling == {"stop": "[redacted]", "seed": 1}
    replayed = replay(record.trajectories[0].log)
    assert (replayed.tally(), replayed.runs) == (made.tally(), made.runs)
    assert record.redacted > 0


def test_without_text_decisions_keep_what_policies_learn_from() -> None:
    sent = episode(trajectories=[trajectory_record(eventful())])
    record = HideText().record(sent)

    assert record.trajectories[0].decisions() == sent.trajectories[0].decisions()
    assert [type(event) for event in record.trajectories[0].log] == [type(event) for event in eventful().log]
    appended = [event for event in record.trajectories[0].log if isinstance(event, Appended)]
    assert appended[1].logprobs is not None
    comment = HideText().feedback(Feedback(label="good", comment="Mira", created=NOON))
    assert (comment.label, comment.comment) == ("good", "[redacted]")
