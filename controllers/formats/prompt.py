"""The end of a rendered prompt: whether the model begins inside thinking, after it, or decides."""

from __future__ import annotations

from ...core.chat_format import Thinking
from .data import ThinkData


def end_prompt(prompt: str, thinking: Thinking, think: ThinkData) -> str:
    """The prompt as a template has left it, changed so that it asks for this kind of thinking.

    Templates end before, inside or after a thinking block, and not all of them listen to what they are told.
    """
    if thinking is Thinking.DEFAULT:
        return prompt
    tail = prompt.rstrip()
    opened, closed = tail.endswith(think.open), tail.endswith(think.close)
    if (opened and thinking is Thinking.ON) or (closed and thinking is Thinking.OFF):
        return prompt
    base = prompt[: prompt.rindex(think.open)] if (opened or closed) and think.open in prompt else prompt
    match thinking:
        case Thinking.ON:
            return base + think.open_text
        case Thinking.OFF:
            return base + think.empty
        case _:
            return base + (think.decision_prefix or "")
