"""What becomes of tokens that were decoded while a verdict was awaited."""

from __future__ import annotations

from typing import Literal

from ...core.events import Channel
from ..boundary import TokenWatch
from ..controller import Reach

Late = Literal["drop", "keep"]
"""drop: the verdict acts where it was asked for, and what came since is dropped, and charged: the same outcome however long
it takes. keep: it acts at the next boundary, nothing is lost or held back, and more is thought."""


def reach_of(late: Late) -> Reach:
    """How far back a controller edits whose verdicts are treated so."""
    return Reach.VERDICTS if late == "drop" else Reach.NONE


def polling(every: int) -> TokenWatch:
    """Where kept verdicts act: every so many tokens of thinking."""
    return TokenWatch(every, Channel.THINK, repeat=True)
