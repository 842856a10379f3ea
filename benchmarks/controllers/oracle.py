r"""Where a trace would end for somebody who knows TrimR's M and reads every result without fail.

The oracle sees the same thoughts as TrimR does, and knows of each which result it states, because the pocket world words
all results alike ("the result is 6."). It stops where the M-th thought ends that agrees with the one before it, at once and
for nothing. It does not know the right answer: it, too, can stop at a wrong result.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from flyball.controllers.trimming.rules import Rules
from flyball.training.replay.grid import cut_of
from flyball.training.replay.thinking import Thinking
from flyball.training.replay.verdicts import Verdict

_RESULT = re.compile(r"\bresult is (\S+?)\.(?:\s|\Z)")
_NEVER = 10**9


class Stop(NamedTuple):
    """Where the oracle ends one trace."""

    tokens: int
    """Thinking tokens of the trace."""
    kept: int
    """Those before the stop; all of them where it never stops."""
    result: str | None
    """The last result that is stated before it."""

    @property
    def stopped(self) -> bool:
        """Whether it ends earlier than the trace."""
        return self.kept < self.tokens


def stated(text: str) -> str | None:
    """The last result that a text of the pocket world states. Example: "So the result is 6. Hmm." gives "6"."""
    found = _RESULT.findall(text)
    return found[-1] if found else None


def verdicts(results: Iterable[str | None]) -> list[Verdict]:
    """What an unfailing verifier says of thoughts that state these results.

    Example: 4, none, 4, 7: it concludes, it does not, it concludes and agrees, it concludes.
    """
    found, last = list[Verdict](), None
    for result in results:
        found.append(Verdict(result is not None, result is not None and result == last))
        last = result if result is not None else last
    return found


def stop(thinking: Thinking, m: int) -> Stop:
    """Where it ends a trace.

    Example: m=2 and thoughts of 100, 20, 20 and 20 tokens that all state 6 in 160 tokens: it stops behind the third.
    """
    starts = [0, *(segment.tokens for segment in thinking.segments)]
    texts = ["".join(thinking.text[a:b]) for a, b in pairwise(starts)]
    cut = cut_of(thinking, verdicts(map(stated, texts)), Rules(m, _NEVER, _NEVER))
    kept = thinking.tokens if cut.tokens is None else cut.tokens
    return Stop(thinking.tokens, kept, stated("".join(thinking.text[:kept])))
