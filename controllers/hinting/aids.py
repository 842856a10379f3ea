"""Which tools a hint may name, and how the model goes on to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.trajectory import Trajectory
from ..controller import Setting
from .library import Hint
from .params import HintInferParams

PYTHON = "python"


class Aids:
    """The tools of a request, as far as hints are concerned."""

    def __init__(self, params: HintInferParams, setting: Setting) -> None:
        self._tools, self._fenced, self._cap = setting.tools, setting.fenced, params.calls
        self._unaided = params.unaided
        self._opens = params.open_fence and (setting.fenced == PYTHON or params.unaided)
        fence = setting.format.fence
        self._opening = f"\n```{PYTHON if fence is None else fence.languages[0]}\n"

    def has(self, tool: str) -> bool:
        """Whether the model can use the tool, or is to be told of it all the same."""
        return self._unaided or tool in self._tools or tool == self._fenced

    def may_name(self, tool: str, trajectory: Trajectory) -> bool:
        """Whether a hint may name the tool: it is there, and the cap on calls is not met."""
        return self.has(tool) and not self._cap_met(trajectory)

    def _cap_met(self, trajectory: Trajectory) -> bool:
        return self._cap is not None and trajectory.calls_answered() >= self._cap

    def useful(self, hints: Sequence[Hint], trajectory: Trajectory) -> Mapping[str, Hint]:
        """The hints that may be given, by their names."""
        met = self._cap_met(trajectory)
        return {
            hint.name: hint for hint in hints if hint.tool is None or (not met and (hint.own or self.has(hint.tool)))
        }

    def opening(self, tool: str | None, code: str = "") -> str:
        """What opens code behind a hint that names the tool; nothing where the model is to do it by itself."""
        return self._opening + code if tool == PYTHON and self._opens else ""

    def opening_of(self, hint: Hint) -> str:
        """The same for a hint; its own wording says itself whether it opens code."""
        return "" if hint.own else self.opening(hint.tool, hint.code)

    def calls_for(self, tool: str | None, text: str, trajectory: Trajectory) -> int | None:
        """Calls that are answered, when this text makes the model end its thinking in order to make another; else None."""
        return trajectory.calls_answered() if tool in self._tools and "```" not in text else None
