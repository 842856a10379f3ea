"""What tests of adaptive_think share."""

from __future__ import annotations

from typing import Any

from flyball.core.decision import Decision
from flyball.core.engine import EngineRequest
from flyball.core.events import Decided, Noted

from .worlds import EOS, Run, ids, pocket, text_of

DECISION = pocket().decision
assert DECISION is not None
(NO_THINK,) = DECISION.no_think_ids
OPEN, CLOSED = "assistant\n<think>\n", "<think>\n\n</think>\n\n"


def adaptive(mode: str, **params: Any) -> dict[str, Any]:
    return {"name": "adaptive_think", "mode": mode, **params}


def decided(result: Run) -> Decision:
    """The one decision of the first trajectory."""
    (decision,) = [event.decision for event in result.trajectory.log if isinstance(event, Decided)]
    return decision


def noted(result: Run) -> list[str]:
    return [event.text for event in result.trajectory.log if isinstance(event, Noted)]


def asked_before(result: Run) -> list[EngineRequest]:
    """Engine calls that were made before the trajectory began."""
    return [request for request in result.engine.requests if "-open-" in request.request_id]


def thinks_if_told(request: EngineRequest) -> Any:
    """A model that thinks where its prompt opens thinking, and answers."""
    return ids(f"a b</think>\n\nyes{EOS}" if text_of(request.ids).endswith(OPEN) else f"yes{EOS}")


def chose(result: Run, choice: str) -> bool:
    """Whether this was decided, and the prompt was rendered for it."""
    ends = text_of(result.trajectory.prompt_ids).endswith(CLOSED if choice in ("no_think", "instant") else OPEN)
    return decided(result).chosen == (choice,) and ends
