"""What tests of hint_infer share."""

from __future__ import annotations

from typing import Any

from flyball.core.decision import Decision
from flyball.core.events import Decided, ToolAnswered
from flyball.core.trajectory import Trajectory

PYTHON_HINT = "Wait, maybe using Python here is a good idea."
"""START's published one."""
CODE = "print(6*7)\n```\n"
FENCE = f"```python\n{CODE}"
OUTPUT = "```output\n42\n```\n"
CODE_2 = "print(2*21)\n```\n"
FENCE_2 = f"```python\n{CODE_2}"
"""The same result by another call: equal ones are answered from memory."""


def hint(**params: Any) -> dict[str, Any]:
    """The controller with no hint but those that are asked for."""
    return {"name": "hint_infer", "rounds": 0, "distance": 0, **params}


def decisions(trajectory: Trajectory) -> list[Decision]:
    return [event.decision for event in trajectory.log if isinstance(event, Decided)]


def statuses(trajectory: Trajectory) -> list[str]:
    """What came of the calls."""
    return [event.status for event in trajectory.tool_events if isinstance(event, ToolAnswered)]
