"""A trajectory of readable text in which much happens, as the pocket model's tokenizer reads it."""

from __future__ import annotations

from flyball.core.decision import Decision
from flyball.core.events import (
    Acted,
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
from flyball.server.traces.records import EpisodeRecord, Feedback, trajectory_record

from ..serving import pocket_format
from .records import NOON, episode

HOSTILE = "<script>document.title = 'owned'</script>\x1b[31m[bold]red[/] \x9b1m\u202egnp.exe"
CHOICE = Decision(
    kind="hint",
    policy="uniform",
    candidates=("recheck", "logic"),
    chosen=("recheck",),
    probability=0.25,
    features={"round": 1.0},
)


def told(answer: str = "It is 42.", argument: str = "6*7", result: str = "42") -> Trajectory:
    """Thinking, some of it dropped; a hint; a call with its result; an answer."""
    format = pocket_format()
    made = Trajectory(format.encode("user: What is it?"))

    def say(text: str, channel: Channel, origin: Origin = Origin.SAMPLED, *, marker: bool = False) -> int:
        made.append(format.encode(text), channel, origin, marker=marker)
        return len(made.ids)

    made.note(Called(position=0, call=0, seed=1))
    say("<think>", Channel.THINK, marker=True)
    at = say("Six times seven.", Channel.THINK)
    say(" Wait, no, let me guess.", Channel.THINK)
    made.note(Acted(position=at, controller="trimr", boundary="thought_end", detected=at, edits=["truncate"]))
    made.drop(at, "trimr")
    made.note(Decided(position=at, decision=CHOICE))
    say(" I should recheck.", Channel.THINK, Origin.INJECTED)
    end = say('{"name": "python"}', Channel.CALL)
    made.note(ToolCalled(position=end, id="c1", name="python", arguments=f'{{"code": "{argument}"}}'))
    made.note(ToolAnswered(position=end, id="c1", name="python", status="ok", text=result, seconds=0.25))
    say(result, Channel.RESULT, Origin.ENVIRONMENT)
    made.note(Noted(position=end, by="limits", text="python may be called once more"))
    end = say(answer, Channel.ANSWER)
    made.overshoot(format.encode("And so on"))
    made.note(Finished(position=end, reason=FinishReason.STOP, by="model"))
    return made


def told_episode(id: str = "told", **changes: object) -> EpisodeRecord:
    """An episode with that trajectory, with a budget and feedback."""
    fields: dict[str, object] = {
        "trajectories": [trajectory_record(told(), 0, 7)],
        "messages": [{"role": "user", "content": "What is it?"}],
        "tokenizer": "pocket",
        "format": "pocket",
        "ledger": {"tokens": {"spent": 30.0, "limit": 40.0}, "tool_calls.python": {"spent": 1.0, "limit": 1.0}},
    }
    return episode(id, **(fields | changes))  # type: ignore[arg-type]


def hostile_episode(id: str = "hostile") -> EpisodeRecord:
    """An episode in which everybody tries to break out of what shows it."""
    trajectory = told(HOSTILE, HOSTILE, HOSTILE)
    trajectory.log.append(Noted(position=0, by=HOSTILE, text=HOSTILE))
    trajectory.log.append(Decided(position=0, decision=Decision(
        kind=HOSTILE, policy=HOSTILE, candidates=(HOSTILE,), chosen=(HOSTILE,), probability=1.0
    )))  # fmt: skip
    return told_episode(
        id,
        trajectories=[trajectory_record(trajectory)],
        messages=[
            {"role": HOSTILE, "content": HOSTILE},
            {"role": "user", "content": [{"type": "text", "text": HOSTILE}]},
        ],
        flyball={"controllers": [{"name": HOSTILE}]},
        sampling={"stop": HOSTILE},
        model=HOSTILE,
        feedback=(Feedback(by=HOSTILE, label=HOSTILE, comment=HOSTILE, created=NOON),),
    )
