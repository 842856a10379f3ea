"""The next engine call of a trajectory: whether a limit lets it happen, and what the engine is told."""

from __future__ import annotations

from ..core.engine import EngineRequest
from ..core.events import Called, Channel, FinishReason, Origin
from ..core.ledger import SECONDS
from ..core.trajectory import Trajectory
from .answer_phase import AnswerPhase
from .bill import Bill
from .editing import Editor
from .limits import Allowance, allowance
from .native_budget import NativeBudget
from .sampling import call_sampling
from .scanner import Scanner
from .seeds import derived_seed
from .setup import Setup


class Requests:
    """Makes the engine calls of one trajectory, one after another. `watched`: some controller looks at tokens."""

    def __init__(
        self,
        setup: Setup,
        trajectory: Trajectory,
        scanner: Scanner,
        answer: AnswerPhase,
        editor: Editor,
        native: NativeBudget,
        bill: Bill,
        watched: bool,
    ) -> None:
        self._setup, self._trajectory, self._scanner, self._answer = setup, trajectory, scanner, answer
        self._editor, self._native, self._bill, self._watched = editor, native, bill, watched
        self.made = 0

    def next(self) -> EngineRequest | None:
        """The next call; None when a limit is met first: what follows from it is decided then."""
        if self._answer.due(self._scanner.channel):
            self._answer.begin(self._scanner, self._trajectory, self._setup.format)
        allowed = self._allowance()
        if self._setup.ledger.remaining(SECONDS) <= 0:
            allowed = Allowance(0, "budget.seconds")
        if allowed.tokens <= 0:
            self._limit_met(allowed)
            return None
        return self._request(allowed.tokens)

    def _request(self, allowed: int) -> EngineRequest:
        setup, trajectory, number, position = self._setup, self._trajectory, self.made, len(self._trajectory.ids)
        seed = setup.seed if setup.seed is None or number == 0 else derived_seed(setup.seed, position, number)
        self.made += 1
        trajectory.note(Called(position=position, call=number, seed=seed))
        self._bill.prompt(trajectory.context_tokens())
        forbidden = self._editor.forbidden
        return EngineRequest(
            request_id=f"{setup.request_id}-{number}",
            ids=trajectory.context(),
            sampling=call_sampling(setup, trajectory, self._scanner, self._answer, allowed, seed, forbidden),
            adapter=setup.adapter,
            priority=-1 if number else 0,
            thinking_budget=self._native.budget(number == 0 and position == 0),
            whole=self._whole(),
        )

    def _whole(self) -> bool:
        """Whether nothing needs a token before the call has ended."""
        setup = self._setup
        watched = setup.streamed or setup.stops or setup.max_calls is not None or self._watched
        return not watched and not self._editor.limited and self._scanner.fences is None

    # -- limits ----------------------------------------------------------------------------------------------------

    def _allowance(self) -> Allowance:
        """What the next call may sample. A call that may open thinking keeps the answer's room, too."""
        setup, thinking = self._setup, self._scanner.channel is Channel.THINK
        may_open = setup.format.thinks and setup.may_think and not self._turn_begun()
        allowed = allowance(self._trajectory, setup.limits, setup.ledger, thinking or may_open)
        if allowed.tokens <= 0 and not thinking:
            allowed = allowance(self._trajectory, setup.limits, setup.ledger, False)
        return allowed

    def _turn_begun(self) -> bool:
        """Whether the model has sampled anything in its running turn."""
        trajectory = self._trajectory
        if trajectory.environment == 0:
            return trajectory.sampled > 0
        return any(run.origin is Origin.SAMPLED for run, _ in trajectory.spans(trajectory.turn_start()))

    def _limit_met(self, allowed: Allowance) -> None:
        """With thinking open and only the answer's room left, close the thinking; else the end."""
        if allowed.by != "answer_room" or not self._editor.keep_answer_room():
            self._editor.end_here(FinishReason.LENGTH, allowed.by)
