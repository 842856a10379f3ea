"""What a choice does to the plan of a trajectory."""

from __future__ import annotations

import msgspec

from ...core.chat_format import ChatFormat, Thinking
from ..controller import Plan
from .classification import INSTANT, REASONING

THINK, NO_THINK = "think", "no_think"


def changed(plan: Plan, choice: str, format: ChatFormat) -> Plan:
    """The plan for a choice; how a family that does not think is rendered stays as it is.

    instant neither thinks nor has tools, reasoning thinks without tools, agentic thinks with them. Without tools means that
    the model is not told of them, and that the server runs none.
    """
    thinking = Thinking.OFF if choice in (NO_THINK, INSTANT) else Thinking.ON
    plan = msgspec.structs.replace(plan, thinking=thinking if format.thinks else plan.thinking)
    if choice in (INSTANT, REASONING):
        return msgspec.structs.replace(plan, offer_tools=False)
    return plan
