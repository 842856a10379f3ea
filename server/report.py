"""What a response says of itself: usage in OpenAI's terms, and the `flyball` block."""

from __future__ import annotations

from typing import Any

from ..controllers.episode import Episode
from ..core.events import Acted, Noted
from ..core.ledger import AUXILIARY, AUXILIARY_PROMPT
from .wire.responses import Usage


def usage_of(episode: Episode) -> Usage:
    """Tokens so far; completion tokens are the sampled kept ones of every trajectory."""
    sampled = sum(trial.trajectory.sampled for trial in episode.trials)
    thinking = sum(trial.trajectory.thinking for trial in episode.trials)
    prompt = episode.prompt_tokens
    return Usage(
        prompt,
        sampled,
        prompt + sampled,
        {"cached_tokens": episode.cached_tokens},
        {"reasoning_tokens": thinking},
    )


def flyball_report(episode: Episode) -> dict[str, Any]:
    """Trace id, what acted, tokens by what became of them, the ledger, notes."""
    tallies = [trial.trajectory.tally() for trial in episode.trials]
    environment = sum(trial.trajectory.environment for trial in episode.trials)
    logs = [(trial.index, event) for trial in episode.trials for event in trial.trajectory.log]
    return {
        "trace_id": episode.spec.id,
        "acted": [_acted(index, event) for index, event in logs if isinstance(event, Acted)],
        "tokens": {
            "kept": sum(tally.sampled for tally in tallies),
            "thinking": sum(tally.thinking for tally in tallies),
            "injected": sum(tally.injected for tally in tallies) - environment,
            "environment": environment,
            "dropped": sum(tally.dropped for tally in tallies),
            "auxiliary": int(episode.ledger.spent(AUXILIARY)),
            "auxiliary_prompt": int(episode.ledger.spent(AUXILIARY_PROMPT)),
        },
        "trajectories": len(episode.trials),
        "ended_by": [trial.trajectory.finished.by for trial in episode.trials if trial.trajectory.finished],
        "ledger": episode.ledger.summary(),
        "notes": [
            *episode.notes,
            *(
                {"trajectory": index, "by": event.by, "text": event.text}
                for index, event in logs
                if isinstance(event, Noted)
            ),
        ],
    }


def _acted(index: int, event: Acted) -> dict[str, Any]:
    return {
        "controller": event.controller,
        "trajectory": index,
        "boundary": event.boundary,
        "position": event.position,
        "edits": event.edits,
    }
