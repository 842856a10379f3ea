"""The scripted engine: a deterministic double that replays tokens, for tests and examples in place of mocks.

It behaves like a real engine at its edges: deltas of several tokens, tokens that are still computed after an abort, a
finish reason of its own, and a count of what runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice

from ...core.engine import Abilities, Delta, EngineRequest, Finish, TokenLogprob
from ...core.errors import EngineDead

Script = Callable[[EngineRequest], Iterable[int | tuple[int, float]]]
"""The tokens that follow a request's ids, each alone or with its log-probability; what the "model" is."""


def continuation(full: Sequence[int], prompt_tokens: int) -> Script:
    """A model that always writes the same text: it goes on wherever a call's ids leave off.

    After an edit that the text does not contain, it goes on at the same place: as many tokens in as the context is long.
    """

    def script(request: EngineRequest) -> Iterable[int]:
        return full[len(request.ids) - prompt_tokens :]

    return script


class ScriptedEngine:
    """Replays what `script` says. `deltas` are the sizes of successive deltas, repeated; every token takes one step.

    A step lets other tasks run; `gate`, when given, is awaited before each delta, so that a test decides the interleaving.
    After an abort `late_tokens` more are computed: `running` counts the call until they are.
    """

    def __init__(
        self,
        script: Script,
        *,
        eos_ids: Iterable[int],
        deltas: Sequence[int] = (1,),
        abilities: Abilities | None = None,
        late_tokens: int = 0,
        gate: Callable[[EngineRequest, int], asyncio.Future[None] | None] | None = None,
    ) -> None:
        self._script, self._eos = script, frozenset(eos_ids)
        self._deltas, self._late, self._gate = tuple(deltas), late_tokens, gate
        self._abilities = abilities or Abilities(context_length=4096)
        self._running: set[str] = set()
        self._draining: set[asyncio.Task[None]] = set()
        self.requests: list[EngineRequest] = []
        """Every call, in order."""
        self.late = 0
        """Tokens computed after an abort, of all calls."""
        self.alive = True

    @property
    def abilities(self) -> Abilities:
        return self._abilities

    async def start(self) -> None:
        self.alive = True

    async def close(self) -> None:
        await asyncio.gather(*self._draining)

    async def running(self) -> int:
        return len(self._running)

    def die(self) -> None:
        """Fail every call from now on, as an engine whose process is gone."""
        self.alive = False

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """One call. Errors: EngineDead after `die`."""
        self.requests.append(request)
        self._running.add(request.request_id)
        ended = False
        try:
            for number, delta in enumerate(self._replay(request)):
                if self._gate is not None and (wait := self._gate(request, number)) is not None:
                    await wait
                await asyncio.sleep(0)
                if not self.alive:
                    raise EngineDead("the scripted engine was told to die")
                ended = delta.finish is not None
                yield delta
        finally:
            if ended or not self._late:
                self._running.discard(request.request_id)
            else:
                task = asyncio.create_task(self._drain(request.request_id))
                self._draining.add(task)
                task.add_done_callback(self._draining.discard)

    async def _drain(self, request_id: str) -> None:
        for _ in range(self._late):
            await asyncio.sleep(0)
            self.late += 1
        self._running.discard(request_id)

    def _replay(self, request: EngineRequest) -> Iterator[Delta]:
        tokens = self._until_end(request)
        sizes = cycle(self._deltas)
        cached: int | None = 0 if len(self.requests) == 1 else len(request.ids) // 2
        batch = list(islice(tokens, next(sizes)))
        while True:
            following = list(islice(tokens, next(sizes)))
            finish, stop_id = self._finish(request, batch[-1][0] if batch else None)
            last = not following
            yield Delta(
                ids=[token for token, _ in batch],
                logprobs=self._logprobs(request, batch),
                finish=finish if last else None,
                stop_id=stop_id if last else None,
                cached_tokens=cached,
            )
            cached = None
            if last:
                return
            batch = following

    def _until_end(self, request: EngineRequest) -> Iterator[tuple[int, float]]:
        sampling = request.sampling
        for count, item in enumerate(self._script(request), start=1):
            token, logprob = item if isinstance(item, tuple) else (item, -0.5)
            yield token, logprob
            if count >= sampling.max_tokens or token in sampling.stop_ids:
                return
            if token in self._eos and not sampling.ignore_eos:
                return

    def _finish(self, request: EngineRequest, last: int | None) -> tuple[Finish, int | None]:
        if last in request.sampling.stop_ids:
            return "stop", last
        return ("stop", None) if last is None or last in self._eos else ("length", None)

    @staticmethod
    def _logprobs(request: EngineRequest, batch: Sequence[tuple[int, float]]) -> list[TokenLogprob] | None:
        wanted, likeliest = request.sampling.logprob_ids, request.sampling.logprobs
        if likeliest is None and not wanted:
            return None
        entries = []
        for token, logprob in batch:
            others = wanted or [token, *(other for other in range(likeliest or 0) if other != token)][:likeliest]
            unlikely = -1.5 if wanted else logprob - 1.0
            top = tuple((other, logprob if other == token else unlikely) for other in others)
            entries.append(TokenLogprob(logprob, top))
        return entries
