"""How a hint is joined to what stands before it."""

from __future__ import annotations

import re

from ...core.events import Channel
from ..controller import View

_OWN_WORD = re.compile(r"\w+(?=,)")


def paragraph(before: str, text: str) -> str:
    """A hint that begins a paragraph of its own."""
    if before.endswith("\n\n"):
        return text
    return ("\n" if before.endswith("\n") else "\n\n") + text


def line(before: str, text: str) -> str:
    """A hint that begins a line of its own."""
    return text if before.endswith("\n") else "\n" + text


def behind_word(rest: str, text: str) -> str:
    """A hint right behind a word; `rest` is what the word's last token holds behind it.

    Examples: "Wait" goes on with ", maybe using Python is good." for "Wait, maybe using Python is good.", and with
    ". Let me check." for "Let me check."; "Wait," goes on with " maybe using Python is good."
    """
    own = _OWN_WORD.match(text)
    continuation = text[own.end() :] if own else f". {text}"
    if not rest:
        return continuation
    words = continuation.lstrip(",. ")
    return words if rest[-1].isspace() else f" {words}"


def opened(position: int, view: View, text: str) -> str:
    """A hint where thinking has just been opened: behind the line break that the family writes there."""
    ids = view.trajectory.ids[:position] or view.trajectory.prompt_ids
    format = view.format
    breaks = format.decode(format.think_open_ids).endswith("\n")
    return line(format.decode(ids[-1:]), text) if breaks else text


def last_thought(position: int, view: View) -> str:
    """The text of the thinking that ends here, hints included; empty when there is none."""
    start = position
    for run, end in reversed(view.trajectory.spans()):
        if end <= position:
            if run.marker or run.channel is not Channel.THINK:
                break
            start = run.start
    return view.text(start, position)
