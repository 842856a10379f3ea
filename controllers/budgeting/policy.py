"""What the model is told of budgets before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Policy = Literal["levels", "short", "none"]

_LEVELS = """\
Your tools have budgets. After every tool response a <budget> block says what is used and what remains. Let the share \
that remains decide what you do, and give it as a reason for every call:
- HIGH, 70% or more: explore broadly. 3 to 5 different queries in a batch, 2 or 3 pages.
- MEDIUM, 30% to 70%: converge and close gaps. 2 or 3 refined queries, 1 or 2 pages.
- LOW, 10% to 30%: verify one fact or finish. One focused query, at most one page.
- CRITICAL, below 10%, or one budget is used up: leave the used-up tool alone. At most one small call if nothing else \
helps; else give your answer, or None if you have none."""
_SHORT = "Mind the budget of each tool: with much left you may verify, with none left you answer."
_TEXTS: Mapping[Policy, str] = {"levels": _LEVELS, "short": _SHORT, "none": ""}


def policy_text(policy: Policy) -> str:
    """The guideline; `levels` are the published ranges and numbers in our words, `short` is for small models."""
    return _TEXTS[policy]
