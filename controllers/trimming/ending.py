"""How thinking is ended before it ends itself."""

from __future__ import annotations

from typing import NamedTuple

from ..controller import Setting
from ..edits import FinishThinking


class Ending(NamedTuple):
    """A phrase that closes the thinking, and how the answer begins."""

    phrase: str
    answer: str = ""

    def edit(self, setting: Setting) -> FinishThinking:
        """The thinking stays closed, unless there are tools: behind their results a new turn may think again."""
        return FinishThinking(self.phrase, limit=not setting.tools, opening=self.answer)
