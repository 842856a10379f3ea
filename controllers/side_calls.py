"""Side calls of one trajectory: auxiliary models are asked and the served model is probed, charged and logged."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import msgspec

from ..core.charging import ask
from ..core.engine import Sampling
from ..core.errors import FlyballError, RequestError
from ..core.events import Asked
from ..core.ledger import TOKENS, USD, Ledger
from ..core.model import Model, ModelReply
from ..core.trajectory import Trajectory
from .bill import SideBill
from .probing import Probe, ProbeReply, run_probe
from .seeds import derived_seed
from .setup import Setup
from .side import SELF, Question


async def ask_charged(model: Model, ledger: Ledger, question: Question) -> ModelReply:
    """What the model replies; tokens and dollars are booked. Errors: RequestError, EngineError and its kinds."""
    reply = await ask(
        model,
        ledger,
        [dict(message) for message in question.messages],
        max_tokens=question.max_tokens,
        temperature=question.temperature,
        first_token_logprobs=question.first_token_logprobs,
    )
    ledger.charge(USD, reply.usd(model.price))
    return reply


class TrajectorySideCalls:
    """Implements `SideCalls` for the trajectory of one loop; `by` and `position` are set by who asks the controllers."""

    def __init__(self, trajectory: Trajectory, setup: Setup, seed: int) -> None:
        self._trajectory, self._setup, self._seed = trajectory, setup, seed
        self._bill = SideBill(setup.ledger, setup.limits.price)
        self._made = 0
        self.by, self.position = "", 0

    # -- auxiliary models ------------------------------------------------------------------------------------------

    def ask(self, model: str, question: Question) -> Callable[[], Awaitable[ModelReply]]:
        """Part of `SideCalls`."""
        by, position = self.by, self.position
        return lambda: self._ask(model, question, by, position)

    async def _ask(self, name: str, question: Question, by: str, position: int) -> ModelReply:
        begun = time.perf_counter()
        try:
            reply = await ask_charged(self._model(name), self._setup.ledger, question)
        except FlyballError as error:
            self._log(by, position, name, 0, 0, begun, error=str(error))
            raise
        self._log(by, position, name, reply.prompt_tokens, reply.completion_tokens, begun, reply=reply.text)
        return reply

    def _model(self, name: str) -> Model:
        if name not in self._setup.models:
            raise RequestError(f"there is no auxiliary model {name!r}")
        return self._setup.models[name]

    # -- probes ----------------------------------------------------------------------------------------------------

    def probe(
        self,
        text: str,
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float | None = None,
        until: Callable[[str], bool] | None = None,
    ) -> Callable[[], Awaitable[ProbeReply]]:
        """Part of `SideCalls`."""
        ids = self._trajectory.context(self.position) + self._setup.format.encode(text)
        return self.sample(
            ids, Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, logprobs=0), until=until
        )

    def sample(
        self, ids: list[int], sampling: Sampling, *, until: Callable[[str], bool] | None = None
    ) -> Callable[[], Awaitable[ProbeReply]]:
        """What the served model goes on with behind `ids`, its whole context; the seed is ours, another each time."""
        self._made += 1
        sampling = msgspec.structs.replace(sampling, seed=derived_seed(self._seed, self._made))
        request_id = f"{self._setup.request_id}-probe-{self._made}"
        probe = Probe(request_id=request_id, ids=ids, sampling=sampling, adapter=self._setup.adapter, until=until)
        by, position = self.by, self.position
        return lambda: self._probe(probe, by, position)

    async def _probe(self, probe: Probe, by: str, position: int) -> ProbeReply:
        begun, prompt = time.perf_counter(), len(probe.ids)
        room = min(
            self._setup.limits.context_length - prompt, self._setup.ledger.remaining(TOKENS), probe.sampling.max_tokens
        )
        try:
            if room < 1:
                raise RequestError("no room, or no budget, is left for a probe")
            sampling = msgspec.structs.replace(probe.sampling, max_tokens=int(room))
            asked = msgspec.structs.replace(probe, sampling=sampling)
            reply = await run_probe(asked, self._setup.engine, self._setup.format, self._bill)
        except FlyballError as error:
            self._log(by, position, SELF, 0, 0, begun, error=str(error))
            raise
        self._log(by, position, SELF, prompt, len(reply.ids), begun, reply=reply.text)
        return reply

    # -- both ------------------------------------------------------------------------------------------------------

    def _log(
        self,
        by: str,
        position: int,
        model: str,
        prompt: int,
        completion: int,
        begun: float,
        *,
        reply: str = "",
        error: str | None = None,
    ) -> None:
        self._trajectory.note(
            Asked(
                position=min(position, len(self._trajectory.ids)),
                by=by,
                model=model,
                prompt_tokens=prompt,
                completion_tokens=completion,
                seconds=time.perf_counter() - begun,
                reply=reply,
                error=error,
            )
        )
