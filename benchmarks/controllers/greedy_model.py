"""A scripted model that calls its tool more often than any budget allows: what a hard limit has to hold against."""

import json
import random
import re
from collections.abc import Iterable

from flyball.core.chat_format import ChatFormat
from flyball.core.engine import EngineRequest

TOOL = "look_up"
TURNS = 3
"""With calls, before it answers."""
_NUMBER = re.compile(r"request (\d+)")


class GreedyModel:
    """Meets `Script`. In each of its first turns it makes one to three calls, of one to three entries each.

    Example: "request 17" is answered by <tool_call> {"name": "look_up", "arguments": {"queries": ["17", "17"]}} </tool_call>
    """

    def __init__(self, format: ChatFormat) -> None:
        self._format = format
        self._end = format.encode("<|im_end|>")

    def __call__(self, request: EngineRequest) -> Iterable[int]:
        context = self._format.decode(request.ids)
        turn, (number, *_) = context.count("<|im_start|>assistant\n"), _NUMBER.findall(context)
        text = (
            "\n".join(_calls(number, f"{request.sampling.seed}/{turn}"))
            if turn <= TURNS
            else "The answer is \\boxed{1}."
        )
        written = "" if context.rpartition("<|im_start|>assistant\n")[2].rstrip() else "<think>\n\n</think>\n\n"
        return [*self._format.encode(written + text), *self._end]


def _calls(number: str, seed: str) -> Iterable[str]:
    drawn = random.Random(seed)
    for _ in range(drawn.randint(1, 3)):
        call = {"name": TOOL, "arguments": {"queries": [number] * drawn.randint(1, 3)}}
        yield f"<tool_call>\n{json.dumps(call)}\n</tool_call>"
