"""Records of eventful episodes, and a store with some."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf

import msgspec

from flyball.core.decision import Decision
from flyball.core.engine import TokenLogprob
from flyball.core.events import (
    Acted,
    Asked,
    Called,
    Channel,
    Decided,
    Finished,
    FinishReason,
    Noted,
    Origin,
    ToolAnswered,
    ToolCalled,
)
from flyball.core.trajectory import Trajectory
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import EpisodeRecord, trajectory_record
from flyball.server.traces.writer import TraceWriter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HINT = Decision(
    kind="hint",
    policy="uniform",
    policy_version="7",
    candidates=("a", "b", "c"),
    chosen=("b",),
    probability=1 / 3,
    features={"entropy": 0.1, "length": 12.0},
    position=3,
)


def eventful() -> Trajectory:
    """A trajectory with every type of event in its log."""
    trajectory = Trajectory([1, 2, 3])
    logprobs = [TokenLogprob(-0.1), TokenLogprob(-inf), TokenLogprob(-1e-9)]
    trajectory.note(Called(position=0, call=0, seed=2**62))
    trajectory.append([10], Channel.THINK, Origin.INJECTED, marker=True)
    trajectory.append([11, 12, 13], Channel.THINK, Origin.SAMPLED, logprobs=logprobs, weight_version="v3")
    trajectory.note(Decided(position=3, decision=HINT))
    trajectory.drop(3, "trimr")
    trajectory.overshoot([13, 14])
    trajectory.note(Acted(position=3, controller="trimr", boundary="thought_end", detected=5, edits=["truncate"]))
    trajectory.replace_context([1, 2, 99], "fold")
    trajectory.note(Called(position=3, call=1, seed=None))
    trajectory.append([20, 21], Channel.ANSWER, Origin.SAMPLED, weight_version="v4")
    trajectory.note(ToolCalled(position=5, id="call_1", name="python", arguments='{"code": "1"}', fenced=True))
    trajectory.note(ToolAnswered(position=5, id="call_1", name="python", status="infra", text="\x00é", seconds=0.25))
    trajectory.append([30], Channel.RESULT, Origin.ENVIRONMENT)
    trajectory.note(Noted(position=6, by="trimr", text="a verdict came too late: “wait”\x00"))
    trajectory.note(
        Asked(position=6, by="trimr", model="verifier", prompt_tokens=9, completion_tokens=1, seconds=0.5, reply="Yes")
    )
    trajectory.note(Finished(position=6, reason=FinishReason.STOP, by="stop", stop="\n\n", answer_chars=17))
    return trajectory


def episode(id: str = "ep-1", created: datetime = NOON, model: str = "pocket", **changes: object) -> EpisodeRecord:
    """A record of one eventful trajectory and one that was cancelled before it began."""
    record = EpisodeRecord(
        id=id,
        created=created,
        model=model,
        preset="fast",
        messages=[{"role": "user", "content": "2 + 2 = ? “ü” \x00"}],
        flyball={"controllers": [{"name": "trimr"}]},
        sampling={"temperature": 0.6, "seed": 7},
        outcome="stop",
        ledger={"tokens": {"spent": 6.0, "limit": 100.0}},
        seconds=1.25,
        trajectories=[trajectory_record(eventful(), 0, 7), trajectory_record(Trajectory([1]), 1)],
    )
    return msgspec.structs.replace(record, **changes)


def store(url: str, *records: EpisodeRecord) -> None:
    writer = TraceWriter(url)
    assert all(writer.write(record) for record in records)
    assert writer.close(30)
    assert (writer.written, writer.failed, writer.dropped) == (len(records), 0, 0)


def ids(url: str, **filters: object) -> list[str]:
    with TraceReader(url) as reader:
        return [found.id for found in reader.episodes(**filters)]  # type: ignore[arg-type]
