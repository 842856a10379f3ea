"""What the run should show, and whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .results import Cell
from .stats import Estimate, Metric, ratio

_FEWEST_REPEATS = 3
_BOTH = (False, True)

Verdict = Literal["met", "not met", "open", "not measured"]


def throughput(cell: Cell) -> float | None:
    """Requests per second."""
    return cell.requests_per_s


def first_text(cell: Cell) -> float | None:
    """Median time to the first text."""
    return cell.ttft_p50_ms


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the ratio of one arm to another."""

    text: str
    arm: str
    baseline: str
    metric: Metric
    bound: float
    at_least: bool
    streaming: Sequence[bool] = _BOTH

    def applies(self, streaming: bool) -> bool:
        """Whether it is a goal for streamed or for plain answers."""
        return streaming in self.streaming

    def judge(self, seen: Estimate | None) -> Verdict:
        """Met or not when the whole interval is on one side of the bound, open otherwise, as with few repeats."""
        if seen is None:
            return "not measured"
        if seen.repeats < _FEWEST_REPEATS:
            return "open"
        good, bad = (seen.low, seen.high) if self.at_least else (-seen.high, -seen.low)
        bound = self.bound if self.at_least else -self.bound
        if good >= bound:
            return "met"
        return "not met" if bad < bound else "open"

    def check(self, cells: Sequence[Cell], concurrency: int, streaming: bool) -> tuple[Estimate | None, Verdict]:
        """The ratio at one place, and the verdict on it."""
        seen = ratio(cells, self.metric, self.arm, self.baseline, concurrency, streaming)
        return seen, self.judge(seen)


GOALS: tuple[Goal, ...] = (
    Goal("Flyball serves as many requests as vLLM's own server", "flyball", "vllm", throughput, 1.0, True),
    Goal("Flyball's first text comes as early as vLLM's", "flyball", "vllm", first_text, 1.0, False, (True,)),
    Goal("Two watching controllers cost at most 5 %", "flyball-2", "vllm", throughput, 0.95, True),
    Goal("In front of vLLM's server it keeps 80 % of it", "flyball-openai", "vllm", throughput, 0.8, True),
    Goal("Five times optillm", "flyball", "optillm", throughput, 5.0, True),
    Goal("Five times optillm, both as proxies", "flyball-openai", "optillm", throughput, 5.0, True),
    Goal("Three times LiteLLM's proxy", "flyball", "litellm", throughput, 3.0, True),
    Goal("Three times LiteLLM, both as proxies", "flyball-openai", "litellm", throughput, 3.0, True),
)
