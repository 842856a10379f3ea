"""What tests of the methods that end thinking early share: a model that thinks as given and answers once it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from flyball.core.answers import same_answer_async
from flyball.core.engine import EngineRequest
from flyball.server.engines.scripted import Script

from .worlds import EOS, goes_on, ids, text_of

CLOSE = "</think>"


def segments(*results: str) -> str:
    """Thoughts that state these results, one after another; an empty one states none."""
    said = [f"So the result is {result}." if result else "I am not there." for result in results]
    return "\n\nWait, ".join(said)


def thinker(thinking: str, probed: Callable[[str], str] | None = None, probe: str = "\\boxed{") -> Script:
    """Thinks this, and then says yes; once the thinking is closed it says cut. Behind a probe it says what it is told to,
    by what it had thought before that.
    """
    whole = goes_on(f"{thinking}{CLOSE}\n\nyes{EOS}")

    def script(request: EngineRequest) -> Iterable[int | tuple[int, float]]:
        written = text_of(request.ids).rpartition("<think>\n")[2]
        if probed is not None and written.endswith(probe):
            return ids(probed(written))
        if CLOSE in written:
            return ids(f"cut{EOS}")
        return whole(request)

    return script


def start_comparing() -> None:
    """Start the processes that compare answers: that takes longer than a test may."""

    async def compare() -> list[bool]:
        return await asyncio.gather(*(same_answer_async("1/2", "0.5", seconds=100) for _ in range(4)))

    assert all(asyncio.run(compare()))
