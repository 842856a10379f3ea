"""Side calls of one trajectory: auxiliary models are asked and the served model is probed, charged and logged."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from typing import Any

import msgspec

from ..core.charging import ask
from ..core.engine import Sampling
from ..core.errors import FlyballError, RequestError
from ..core.events import Asked
from ..core.ledger import SECONDS, TOKENS, USD, Ledger
from ..core.model import Model, ModelReply
from ..core.trajectory import Trajectory
from ..tools.dispatch import Call, Dispatcher
from ..tools.result import Result
from ..tools.tool import CallContext
from .bill import SideBill
from .probing import Probe, ProbeReply, run_probe
from .seeds import derived_seed
from .server_tools import ServerTools
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


async def run_tool(
    server: ServerTools | None, tool: str, arguments: Mapping[str, Any], session: str, ledger: Ledger
) -> Result:
    """What a tool of the server's gives; an unknown one a `user_error`."""
    deadline = asyncio.get_running_loop().time() + ledger.remaining(SECONDS)
    tools = {} if server is None else server.tools
    context = CallContext(session, ledger=ledger, deadline=deadline, tools=tools.keys())
    (result,) = await Dispatcher(tools).run([Call("side", tool, arguments)], context)
    return result


async def ask_logged(
    models: Mapping[str, Model],
    ledger: Ledger,
    name: str,
    question: Question,
    asked: Asked,
    log: Callable[[Asked], None],
) -> ModelReply:
    """What the model of this name replies; `asked` is logged with what came of it.

    Errors: RequestError, EngineError and its kinds.
    """
    begun = time.perf_counter()
    try:
        if name not in models:
            raise RequestError(f"there is no auxiliary model {name!r}")
        reply = await ask_charged(models[name], ledger, question)
    except FlyballError as error:
        log(msgspec.structs.replace(asked, seconds=time.perf_counter() - begun, error=str(error)))
        raise
    used = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
    log(msgspec.structs.replace(asked, seconds=time.perf_counter() - begun, reply=reply.text, **used))
    return reply


def to_be_asked(by: str, model: str, position: int = 0) -> Asked:
    """The event of a question that has no reply yet."""
    return Asked(position=position, by=by, model=model, prompt_tokens=0, completion_tokens=0, seconds=0.0)


class TrajectorySideCalls:
    """Implements `SideCalls` for the trajectory of one loop; see `bound` for who asks, and where."""

    def __init__(self, trajectory: Trajectory, setup: Setup, seed: int) -> None:
        self._trajectory, self._setup, self._seed = trajectory, setup, seed
        self._bill = SideBill(setup.ledger, setup.limits.price)
        self._numbers = itertools.count(1)
        self._by, self._position = "", 0

    def bound(self, by: str, position: int) -> TrajectorySideCalls:
        """The calls of one controller at a boundary of this position, whenever it makes them."""
        twin = copy(self)
        twin._by, twin._position = by, position
        return twin

    # -- auxiliary models ------------------------------------------------------------------------------------------

    def ask(self, model: str, question: Question) -> Callable[[], Awaitable[ModelReply]]:
        """Part of `SideCalls`."""
        setup, asked = self._setup, to_be_asked(self._by, model, self._position)
        return lambda: ask_logged(setup.models, setup.ledger, model, question, asked, self._note)

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
        ids = self._trajectory.context(self._position) + self._setup.format.encode(text)
        return self.sample(
            ids, Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, logprobs=0), until=until
        )

    def sample(
        self, ids: list[int], sampling: Sampling, *, until: Callable[[str], bool] | None = None
    ) -> Callable[[], Awaitable[ProbeReply]]:
        """What the served model goes on with behind `ids`, its whole context; the seed is ours, another each time."""
        number = next(self._numbers)
        sampling = msgspec.structs.replace(sampling, seed=derived_seed(self._seed, number))
        request_id = f"{self._setup.request_id}-probe-{number}"
        probe = Probe(request_id=request_id, ids=ids, sampling=sampling, adapter=self._setup.adapter, until=until)
        by, position = self._by, self._position
        return lambda: self._probe(probe, by, position)

    async def _probe(self, probe: Probe, by: str, position: int) -> ProbeReply:
        begun, prompt, asked = time.perf_counter(), len(probe.ids), to_be_asked(by, SELF, position)
        room = min(
            self._setup.limits.context_length - prompt, self._setup.ledger.remaining(TOKENS), probe.sampling.max_tokens
        )
        try:
            if room < 1:
                raise RequestError("no room, or no budget, is left for a probe")
            sampling = msgspec.structs.replace(probe.sampling, max_tokens=int(room))
            limited = msgspec.structs.replace(probe, sampling=sampling)
            reply = await run_probe(limited, self._setup.engine, self._setup.format, self._bill)
        except FlyballError as error:
            self._note(msgspec.structs.replace(asked, seconds=time.perf_counter() - begun, error=str(error)))
            raise
        used = {"prompt_tokens": prompt, "completion_tokens": len(reply.ids), "reply": reply.text}
        self._note(msgspec.structs.replace(asked, seconds=time.perf_counter() - begun, **used))
        return reply

    # -- tools -----------------------------------------------------------------------------------------------------

    def run(self, tool: str, arguments: Mapping[str, Any]) -> Callable[[], Awaitable[Result]]:
        """Part of `SideCalls`."""
        return lambda: run_tool(self._setup.server_tools, tool, arguments, self._setup.session, self._setup.ledger)

    # -- all -------------------------------------------------------------------------------------------------------

    def _note(self, asked: Asked) -> None:
        """The position may be gone by the time of the reply."""
        at = min(asked.position, len(self._trajectory.ids))
        self._trajectory.note(msgspec.structs.replace(asked, position=at))
