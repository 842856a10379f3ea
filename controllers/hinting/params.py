"""What a request may say of its hints; every parameter with its source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ..controller import Params

Word = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^\S(.*\S)?$")]


class HintInferParams(Params):
    """Where, how often and with what the model is made to think on.

    "START" is arXiv 2503.04625, "CoRT" arXiv 2506.09820; "ours" is what no source says. Counts are per trajectory.
    """

    rounds: int = Field(default=1, ge=0, le=16)
    """Hints at the end of the thinking. START, sequential scaling; it plots several, the default is ours."""
    domain: str = "math"
    """Which hints of the library; unless `hints` is given. START's domains; but for one hint the wordings are ours."""
    hints: tuple[str, ...] = Field(default=(), max_length=64)
    """Own wordings in place of the library's; given whatever tools there are. One may open a fence for code."""
    after_words: int = Field(default=0, ge=0, le=64)
    """Hints right behind `words` that the model writes; 0: none. START; how many is ours."""
    words: tuple[Word, ...] = Field(default=("Wait", "Alternatively"), min_length=1, max_length=16)
    """The conjunctions behind which it is done, whole words in upper and lower case as given. START."""
    chance: float = Field(default=1.0, ge=0, le=1)
    """Probability that a hint is given behind one of them. START inserts at random and does not say how often: ours."""
    sure: float = Field(default=0.0, ge=0, le=1)
    """Only behind words that the model wrote with this probability at least; 0: whatever it was. Ours; 0.5 is a try."""
    distance: int = Field(default=256, ge=0)
    """Sampled tokens from any hint to the next one behind a word or at a tedious calculation. Ours."""
    instruct: bool = False
    """Ask for Python behind the user's last message, in CoRT's words. CoRT does so together with its prefill."""
    prefill: bool = False
    """Begin the thinking with CoRT's sentence on Python. It also decides that there is thinking."""
    tedious: int = Field(default=0, ge=0, le=64)
    """CoRT's hint where the model begins to calculate by hand with long numbers; 0: none. The place is ours, by rule."""
    tedious_digits: int = Field(default=3, ge=2, le=12)
    """Both numbers have so many digits at least. Ours."""
    trust: Literal["never", "result", "doubt"] = "never"
    """CoRT's hint not to doubt Python: right behind each result, or at the first reflection word after it. Places: ours."""
    open_fence: bool = True
    """Hints to use Python open the code themselves, where code runs in the thinking. START (math), CoRT (tedious)."""
    calls: int | None = Field(default=6, ge=0)
    """Calls of the server's tools; then no hint names a tool, and the model is told. START: 6, CoRT: 15; None: no cap."""
    unaided: bool = False
    """Give the hints of tools also where nothing runs them: what the hint alone does (START's control). Ours."""
