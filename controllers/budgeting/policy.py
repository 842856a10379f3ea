"""What the model is told of budgets before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

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


def with_system(messages: Sequence[Mapping[str, Any]], text: str) -> tuple[Mapping[str, Any], ...]:
    """The messages with a text at the end of their system message, which is made where there is none."""
    if not text:
        return tuple(messages)
    if messages and messages[0]["role"] in ("system", "developer"):
        return with_text(messages[0], text, "\n\n"), *messages[1:]
    return {"role": "system", "content": text}, *messages


def with_question(messages: Sequence[Mapping[str, Any]], text: str) -> tuple[Mapping[str, Any], ...]:
    """The messages with a text at the end of the user's last one; at the end of all where there is none."""
    if not text:
        return tuple(messages)
    asked = [number for number, message in enumerate(messages) if message["role"] == "user"]
    if not asked:
        return *messages, {"role": "user", "content": text}
    at = asked[-1]
    return *messages[:at], with_text(messages[at], text, "\n"), *messages[at + 1 :]


def with_text(message: Mapping[str, Any], text: str, between: str) -> dict[str, Any]:
    """A message with a text behind its own."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return {**message, "content": f"{content}{between}{text}" if content else text}
    return {**message, "content": [*content, {"type": "text", "text": f"{between}{text}"}]}
