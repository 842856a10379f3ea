"""What `reasoning_effort` means for a model, where the operator has not said so (`[model.effort]`)."""

from __future__ import annotations

from typing import Any

from ..core.chat_format import ChatFormat
from ..core.engine import Abilities
from .wire.flyball_block import FlyballBlock
from .wire.requests import ChatCompletionRequest

WITHOUT_THINKING = ("none", "minimal")
_LOW_TOKENS = 1024
_GOVERN_THINKING = {"thinking_budget", "adaptive_think"}


def low_budget(context_length: int) -> int:
    """Thinking tokens of low effort: an eighth of the context, 1,024 at most.

    Example: a context of 4,096 tokens: 512.
    """
    return min(_LOW_TOKENS, context_length // 8)


def controllers_of(
    request: ChatCompletionRequest, block: FlyballBlock, configured: bool, format: ChatFormat, abilities: Abilities
) -> list[dict[str, Any]]:
    """The controllers of a request, the ones that its fields stand for last.

    Low effort is a thinking budget for families that think and whose template is not told of effort, unless the request
    governs its thinking itself.
    """
    specs: list[dict[str, Any]] = [spec.model_dump() for spec in block.controllers]
    if request.thinking_token_budget is not None:
        return [*specs, {"name": "thinking_budget", "tokens": request.thinking_token_budget}]
    by_default = request.reasoning_effort == "low" and not configured
    if by_default and format.thinks and not format.reads_effort and _GOVERN_THINKING.isdisjoint(_names(specs)):
        specs.append({"name": "thinking_budget", "tokens": low_budget(abilities.context_length)})
    return specs


def _names(specs: list[dict[str, Any]]) -> set[str]:
    return {spec["name"] for spec in specs}
