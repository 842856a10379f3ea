"""What edits do to one trajectory: whether they may happen, what they change, and the end that they or a limit decide.

Positions count kept tokens after the prompt.
"""

from __future__ import annotations

from ..core.errors import ControllerError
from ..core.events import Channel, Finished, FinishReason, Noted
from ..core.ledger import SECONDS, TOKENS, USD
from ..core.trajectory import Trajectory
from .answer_phase import AnswerPhase
from .edits import Edit, Finish, FinishThinking, Inject, ReplaceContext, Resolution
from .native_budget import NativeBudget, thinking_opener
from .scanner import Scanner
from .setup import Setup


class Editor:
    """Edits one trajectory, together with everything that is kept by its positions."""

    def __init__(
        self, setup: Setup, trajectory: Trajectory, scanner: Scanner, answer: AnswerPhase, native: NativeBudget
    ) -> None:
        self._setup, self._trajectory, self._scanner = setup, trajectory, scanner
        self._answer, self._native = answer, native
        self._opener = thinking_opener(setup.format)
        self._edits = 0
        self._closed_at: int | None = None
        """Where a limit closed the thinking; it stays closed, unless that is taken back."""
        self.committed = 0
        """Tokens that no edit may reach any more."""
        self.end: Finished | None = None
        """The end, unless a verdict that is still open edits at an earlier position."""
        self.limited = any(setup.ledger.remaining(item) != float("inf") for item in (TOKENS, USD, SECONDS))
        """Whether the ledger can stop the trajectory."""

    # -- whether edits may happen ----------------------------------------------------------------------------------

    def possible(self, resolution: Resolution) -> bool:
        """Whether edits may happen; the ledger's stop comes before all of them."""
        if resolution.position < self.committed:
            raise ControllerError(f"an edit at {resolution.position} reaches behind what is committed")
        if resolution.position >= len(self._trajectory.ids) and self.ledger_stops():
            return False
        if self._edits >= self._setup.max_edits and not resolution.only_ends:
            self.note(f"the limit of {self._setup.max_edits} edits was met; later ones are ignored")
            return False
        if self._splits_result(resolution.position):
            self.note("what tools wrote is kept whole: an edit inside of it was ignored")
            return False
        if not self._fits(resolution):
            self.note("no room is left in the context for an injection")
            return False
        return True

    def _splits_result(self, position: int) -> bool:
        """Whether a call would be left without its result."""
        return any(run.start <= position < end for run, end in self._trajectory.results())

    def _fits(self, resolution: Resolution) -> bool:
        """Whether something could follow what is written, and an answer when it is written into thinking."""
        injected = [len(self._setup.format.encode(edit.text)) for edit in resolution.edits if isinstance(edit, Inject)]
        replaced = [len(edit.ids) for edit in resolution.edits if isinstance(edit, ReplaceContext)]
        if not injected and not replaced:
            return True
        trajectory, limits, position = self._trajectory, self._setup.limits, resolution.position
        before = replaced[-1] if replaced else trajectory.context_tokens(position)
        cut = trajectory.spans(position)
        channel = cut[0][0].channel if cut else self._scanner.channel
        kept = limits.answer_room + limits.close_tokens if channel is Channel.THINK else 0
        return before + sum(injected) + kept < limits.context_length

    # -- what they change ------------------------------------------------------------------------------------------

    def apply(self, resolution: Resolution | None) -> bool:
        """Let happen what was decided; whether the context changed."""
        if resolution is None:
            return False
        self._edits += 1
        changed = self._drop(resolution.position, "edit")
        for edit in resolution.edits:
            changed = self._do(edit) or changed
        return changed

    def _drop(self, position: int, by: str) -> bool:
        """Go back to a position; whether anything was after it."""
        if position >= len(self._trajectory.ids):
            return False
        self._trajectory.drop(position, by)
        self._scanner.rewind()
        self._native.forget_after(position)
        self._answer.forget_after(position)
        if self._closed_at is not None and self._closed_at >= position:
            self._closed_at = None
        return True

    def _do(self, edit: Edit) -> bool:
        match edit:
            case Inject():
                self._scanner.inject(self._setup.format.encode(edit.text))
            case FinishThinking():
                return self._finish_thinking(edit.phrase, edit.limit, edit.opening)
            case Finish():
                self.end_here(edit.reason, "controller")
            case ReplaceContext():
                self._trajectory.replace_context(edit.ids, "controller")
        return True

    def _finish_thinking(self, phrase: str | None, limit: bool, opening: str = "") -> bool:
        """Close open thinking: with the phrase, if the answer's room is left after it. The end, if no answer could follow."""
        if self._scanner.channel is not Channel.THINK:
            return False
        room = self._setup.limits.context_length - self._trajectory.context_tokens()
        ids = self._closing(phrase) + ([] if self._answer.wanted else self._setup.format.encode(opening))
        if (phrase or opening) and len(ids) + self._setup.limits.answer_room > room:
            self.note("the closing phrase was left out to keep the answer's room in the context")
            ids = self._closing("")
        if len(ids) >= room:
            self.note("no room is left in the context for the end of thinking")
            self.end_here(FinishReason.LENGTH, "context")
            return False
        if limit:
            self._closed_at = len(self._trajectory.ids)
        self._scanner.inject(ids)
        return True

    def _closing(self, phrase: str | None) -> list[int]:
        format = self._setup.format
        if phrase is None and self._opener is not None and format.think_end_id is not None:
            return [format.think_end_id]
        return format.close_thinking(phrase or "")

    # -- thinking that a limit closed ------------------------------------------------------------------------------

    @property
    def thinking_closed(self) -> bool:
        """Whether a limit has closed the thinking."""
        return self._closed_at is not None

    def keep_answer_room(self) -> bool:
        """Close open thinking because only the answer's room is left; False where it was closed before or cannot be."""
        if self._closed_at is not None:
            return False
        self.note("thinking was closed to keep the answer's room in the context")
        return self._finish_thinking("", limit=True)

    def closed_by_engine(self, token: int, resolution: Resolution | None) -> bool:
        """Whether the engine wrote the very marker, after a spent budget, that would be written now."""
        if not self._native.is_close(token) or resolution is None or resolution.edits != (FinishThinking(None),):
            return False
        self._edits += 1
        self._closed_at = len(self._trajectory.ids)
        self._scanner.inject([token])
        return True

    def reopened(self, token: int, before: Channel) -> bool:
        """The model opened thinking again that a limit had closed: it is forbidden to, or closed again at once."""
        if self._closed_at is None or before is Channel.THINK or self._scanner.channel is not Channel.THINK:
            return False
        if self._edits >= self._setup.max_edits:
            self.end_here(FinishReason.LENGTH, "thinking stays closed")
            return True
        self._edits += 1
        if token == self.forbidden:
            self._drop(len(self._trajectory.ids) - 1, "thinking stays closed")
        else:
            self._scanner.inject(self._closing(""))
        return True

    @property
    def forbidden(self) -> int | None:
        """The token that would open closed thinking again, where the engine can be told not to sample it."""
        return self._opener if self._closed_at is not None and self._setup.engine.abilities.logit_bias else None

    # -- the end ---------------------------------------------------------------------------------------------------

    def ledger_stops(self) -> bool:
        """Whether something that the ledger limits is spent: this is the end then."""
        if not self.limited or (item := self._setup.ledger.exhausted()) is None:
            return False
        self.end_here(FinishReason.LENGTH, f"budget.{item}")
        return True

    def end_here(self, reason: FinishReason, by: str, stop: str | None = None, answer_chars: int | None = None) -> None:
        """This is the end, unless a verdict that is still open edits at an earlier position."""
        self.end = Finished(
            position=len(self._trajectory.ids), reason=reason, by=by, stop=stop, answer_chars=answer_chars
        )

    def note(self, text: str) -> None:
        """Say in the log, once, what was not done as asked."""
        log = self._trajectory.log
        if not any(isinstance(event, Noted) and event.text == text for event in log):
            self._trajectory.note(Noted(position=len(self._trajectory.ids), by="loop", text=text))
