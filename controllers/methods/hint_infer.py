"""hint_infer: hints in the model's own voice make it think on, and use its tools."""

from __future__ import annotations

import msgspec

from ..boundary import Boundary, Watch
from ..controller import BaseController, Plan, Ruling, Setting, View
from ..hinting.after_words import AfterWords
from ..hinting.aids import PYTHON, Aids
from ..hinting.at_end import AtEnd
from ..hinting.cap import Cap
from ..hinting.given import Given
from ..hinting.instruction import instructed
from ..hinting.library import library_hints, own_hints
from ..hinting.params import HintInferParams
from ..hinting.place import Place
from ..hinting.prefill import Prefill
from ..hinting.tedious import Tedious
from ..hinting.trust import Trust


class HintInfer(BaseController[Given]):
    """Writes hints into the thinking: at its end, behind words such as "Wait", at its beginning, and CoRT's corrections.

    Places (`controllers/hinting/`, one file each; a request switches on those it wants): the end of the thinking and
    behind conjunctions are START's Hint-infer (arXiv 2503.04625), the instruction in the prompt, the prefill and the hints
    at tedious calculations and doubted results CoRT's (arXiv 2506.09820), whose authors placed the latter two by hand;
    the rules that place them here are ours. `HintInferParams` says of every parameter where it comes from. One boundary
    gets one hint, of the first place that has one.

    A hint of a tool is given where the request has that tool. Without one the others are given all the same, and code
    that the model writes is text. No hint stands inside of a character, of code between fences, or of a call; none comes
    in place of an end of thinking behind which the model makes the call that a hint asked for.

    Example: rounds=1 and thinking that ends "…so 4.</think>" goes on as "…so 4.\n\nWait, let me check that. …</think>".
    """

    params = HintInferParams

    def __init__(self, params: HintInferParams, setting: Setting) -> None:
        aids = Aids(params, setting)
        self._calls, self._instructs = params.calls, params.instruct and aids.has(PYTHON)
        hints = own_hints(params.hints, setting.tools) or library_hints(params.domain)
        self._places: tuple[Place, ...] = (
            *([Prefill(aids)] if params.prefill else []),
            Cap(params.calls),
            Trust(params.trust, setting.format),
            Tedious(params.tedious, params.tedious_digits, params.distance, aids),
            AfterWords(params, hints, aids),
            AtEnd(params.rounds, hints, aids),
        )
        self.watches = tuple(dict.fromkeys(watch for place in self._places for watch in place.watches))

    def plan(self, plan: Plan) -> Plan:
        """The cap on calls is the loop's to enforce; the instruction is the prompt's."""
        caps = [calls for calls in (plan.call_limit, self._calls) if calls is not None]
        messages = instructed(plan.messages) if self._instructs else plan.messages
        return msgspec.structs.replace(plan, call_limit=min(caps, default=None), messages=messages)

    def initial(self) -> Given:
        return Given()

    def at(self, state: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """Ask the places that watch this boundary, until one gives a hint."""
        sign, ruling = boundary.watch or Watch(boundary.kind), Ruling(state)
        for place in self._places:
            if sign in place.watches:
                given = place.at(ruling.state, boundary, view)
                ruling = Ruling(given.state, given.edits, ruling.decisions + given.decisions)
                if ruling.edits:
                    break
        return ruling


CONTROLLER = HintInfer
