"""One request: its trajectories, its strategy, its ledger, and what the client is shown of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from ..core.chat_format import Answer, ChatFormat, ForcedCall, Thinking
from ..core.engine import Engine, Grammar, Sampling
from ..core.errors import AdmissionError, ContextOverflow, RequestError
from ..core.events import AnyEvent, Finished, FinishReason
from ..core.ledger import FAN_OUT, TOKENS, USD, Ledger
from ..core.model import Model, ModelReply
from ..core.trajectory import Trajectory
from ..tools.result import Result, Status
from ..tools.sessions import Sessions, trajectory_key
from .controller import Plan
from .desk import open_plan
from .limits import Limits
from .loop import Loop
from .named import Named, attributed
from .seeds import child_seed
from .server_tools import ServerTools
from .setup import Setup
from .side import Question
from .side_calls import run_tool
from .strategy import AS_ASKED, Outcome, Strategy, Variant
from .strategy_questions import StrategyQuestions
from .transcript import Piece, Transcript


class EpisodeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, in the loop's terms."""

    id: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    template_args: Mapping[str, Any] = {}
    thinking: Thinking = Thinking.DEFAULT
    sampling: Sampling
    stops: tuple[str, ...] = ()
    max_tokens: int | None = None
    """None: as much as the context takes."""
    min_tokens: int = 0
    seed: int | None = None
    n: int = 1
    grammar: Grammar | None = None
    force_call: tuple[Mapping[str, Any], ...] = ()
    """One of these tools must be called."""
    max_calls: int | None = None
    controllers: tuple[Named, ...] = ()
    strategy: Strategy | None = None
    strategy_name: str = "strategy"
    """As the request calls it."""
    budget: Mapping[str, float] = {}
    adapter: str | None = None
    logprobs: bool = False
    parts: bool = False
    server_tools: ServerTools | None = None
    """The tools that the server runs itself; they are in `tools`, too."""
    session: str | None = None
    """The key of a client's session whose state the tools find; None: a session of its own for every trajectory."""
    events: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """One trajectory of an episode, with what shows it."""

    index: int
    loop: Loop
    transcript: Transcript
    ledger: Ledger

    @property
    def trajectory(self) -> Trajectory:
        return self.loop.trajectory


class Ended(NamedTuple):
    """A choice is complete."""

    reason: FinishReason
    stop: str | None


class Episode:
    """Runs a request. `prepare` finds everything that can be refused; `pieces` decodes.

    Errors of `prepare`: RequestError and its kinds. Of `pieces`: those of the engine and of controllers.
    """

    def __init__(
        self,
        spec: EpisodeSpec,
        engine: Engine,
        format: ChatFormat,
        limits: Limits,
        max_edits: int = 64,
        sessions: Sessions | None = None,
        models: Mapping[str, Model] | None = None,
    ) -> None:
        self.spec, self._engine, self._format, self._limits = spec, engine, format, limits
        self._max_edits, self._streamed = max_edits, True
        self._sessions, self._models = sessions, models or {}
        self.ledger = Ledger(spec.budget)
        self.trials: list[Trial] = []
        self.notes: list[dict[str, Any]] = []
        self._answering: dict[int, tuple[Trial, int]] = {}
        self._side_calls = 0
        self.prompt_ids: list[int] = []
        self.started = time.time()
        self._plan = Plan(spec.messages, spec.thinking, spec.template_args)
        self._forced: ForcedCall | None = None
        self._questions = StrategyQuestions(spec.strategy_name, self._models, self.ledger)

    # -- before anything runs --------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """The request boundary: controllers change the plan, the prompt is rendered once, the limits are checked."""
        spec, plan = self.spec, self._plan
        for named in spec.controllers:
            with attributed(f"controller {named.name!r}"):
                plan = named.controller.plan(plan)
        self._plan = plan
        self.prompt_ids = self._render(plan)
        if spec.server_tools is not None:  # what the template cannot write is refused now, not after the first call
            self._format.render_results([Answer("call_0", "f", "{}", "")], Thinking.DEFAULT, plan.template_args)
        if spec.force_call:
            self._forced = self._format.forced_call(spec.force_call)
        fan_out = spec.strategy.fan_out if spec.strategy is not None else spec.n
        if spec.strategy is None and self.ledger.remaining(FAN_OUT) < fan_out:
            raise RequestError(f"n is {fan_out}, and the budget allows {self.ledger.remaining(FAN_OUT):g}", "n")

    def _render(self, plan: Plan) -> list[int]:
        """The prompt. Errors: ContextOverflow, and those of the family's template."""
        ids = self._format.render(plan.messages, self._tools(plan) or None, plan.thinking, plan.template_args)
        if len(ids) >= self._limits.context_length:
            raise ContextOverflow(len(ids), self._limits.context_length)
        return ids

    def _tools(self, plan: Plan) -> tuple[Mapping[str, Any], ...]:
        """What the model is told of. A call that it makes without being told is read all the same, and not run."""
        return self.spec.tools if self._offers(plan) else ()

    def _offers(self, plan: Plan) -> bool:
        return plan.offer_tools or bool(self.spec.force_call)

    def _setup(self, index: int, ledger: Ledger, variant: Variant, plan: Plan) -> Setup:
        spec, tools, opening = self.spec, self._tools(plan), self._format.encode(variant.opening)
        prompt_ids = self.prompt_ids if plan == self._plan else self._render(plan)
        max_tokens = spec.max_tokens if variant.max_tokens is None else variant.max_tokens
        limits = msgspec.structs.replace(
            self._limits,
            max_tokens=self._limits.context_length if max_tokens is None else max_tokens,
            min_tokens=spec.min_tokens,
        )
        return Setup(
            engine=self._engine,
            format=self._format,
            controllers=(*spec.controllers, *variant.controllers),
            messages=plan.messages,
            prompt_ids=prompt_ids + opening,
            sampling=self._sampling(variant),
            models=self._models,
            stops=spec.stops,
            limits=limits,
            ledger=ledger,
            seed=self.seed(index),
            request_id=f"{spec.id}-{index}",
            adapter=spec.adapter,
            grammar=spec.grammar,
            forced_call=self._forced,
            may_think=self._format.thinks
            and plan.thinking is not Thinking.OFF
            and self._format.think_end_id not in opening,
            thinking=plan.thinking,
            template_args=plan.template_args,
            tools=tools,
            with_tools=bool(spec.tools),
            server_tools=_with_limit(spec.server_tools, plan.call_limit if self._offers(plan) else 0),
            session=self._session_key(index),
            max_calls=spec.max_calls,
            max_edits=self._max_edits,
            streamed=self._streamed and spec.strategy is None,
        )

    def _varied(self, variant: Variant) -> Plan:
        """The plan of one trajectory."""
        plan = self._plan
        if variant.messages is not None:
            plan = msgspec.structs.replace(plan, messages=variant.messages)
        if variant.thinking is not None:
            plan = msgspec.structs.replace(plan, thinking=variant.thinking, thinking_given=True)
        return plan

    def _sampling(self, variant: Variant) -> Sampling:
        asked, changes = self.spec.sampling, dict[str, Any]()
        if variant.temperature is not None:
            changes["temperature"] = variant.temperature
        if variant.logprobs is not None:
            changes["logprobs"] = max(variant.logprobs, asked.logprobs or 0)
        return msgspec.structs.replace(asked, **changes)

    def seed(self, index: int) -> int | None:
        """Child seed = seed + index; without a seed controllers still draw from one of their own."""
        return None if self.spec.seed is None else child_seed(self.spec.seed, index)

    def _trial(self, index: int, ledger: Ledger, variant: Variant = AS_ASKED) -> Trial:
        return self._begun(index, self._setup(index, ledger, variant, self._varied(variant)), ledger)

    def _begun(self, index: int, setup: Setup, ledger: Ledger, log: Sequence[AnyEvent] = ()) -> Trial:
        loop = Loop(setup)
        for event in log:
            loop.trajectory.note(event)
        self._questions.begun(loop.trajectory)
        trial = Trial(index, loop, self._transcript(loop.trajectory, index), ledger)
        self.trials.append(trial)
        return trial

    async def _opened(self, index: int, ledger: Ledger, variant: Variant = AS_ASKED) -> Trial:
        """A trajectory whose controllers have found out what they want to know before it is rendered."""
        plan = self._varied(variant)
        setup = self._setup(index, ledger, variant, plan)
        decided = await open_plan(setup, plan, self._render)
        if decided.plan != plan:
            setup = self._setup(index, ledger, variant, decided.plan)
        return self._begun(index, setup, ledger, decided.log)

    def _transcript(self, trajectory: Trajectory, choice: int) -> Transcript:
        spec = self.spec
        return Transcript(
            trajectory,
            self._format,
            calls=bool(spec.tools),
            logprobs=spec.logprobs,
            parts=spec.parts,
            events=spec.events,
            server=spec.server_tools,
            choice=choice,
        )

    def _session_key(self, index: int) -> str:
        return self.spec.session or trajectory_key(f"{self.spec.id}-{index}")

    def _session(self, index: int) -> AbstractAsyncContextManager[object]:
        """What tools keep for the trajectory: freed however it ends, unless it is a client's session."""
        if self._sessions is None or self.spec.server_tools is None:
            return nullcontext()
        if self.spec.session is not None:
            return self._sessions.use(self.spec.session)
        return self._sessions.trajectory(self._session_key(index))

    # -- decoding --------------------------------------------------------------------------------------------------

    async def pieces(self, *, streamed: bool = True) -> AsyncGenerator[tuple[int, Piece, Ended | None]]:
        """What is new, choice by choice as it is committed; the last of a choice says why it ended.

        Not `streamed`: nobody looks before the end, so the engine may hand over everything at once.
        """
        self._streamed = streamed
        try:
            if self.spec.strategy is not None:
                yield await self._by_strategy(self.spec.strategy)
            elif self.spec.n == 1:
                async with aclosing(self._choice(0, self.ledger)) as own:
                    async for item in own:
                        yield item
            else:
                async with aclosing(self._fan_out()) as merged:
                    async for item in merged:
                        yield item
        finally:
            self._note_cancelled()

    async def _choice(self, index: int, ledger: Ledger) -> AsyncGenerator[tuple[int, Piece, Ended | None]]:
        self.ledger.charge(FAN_OUT, 1)
        trial = await self._opened(index, ledger)
        async with self._session(index), aclosing(trial.loop.run()) as commits:
            async for committed in commits:
                yield index, trial.transcript.advance(committed), None
        yield self._last(trial, index)

    def _last(self, trial: Trial, index: int) -> tuple[int, Piece, Ended]:
        piece = trial.transcript.close()
        self._answering[index] = (trial, trial.transcript.calls)
        finished = trial.trajectory.finished
        assert finished is not None
        reason = finished.reason
        if reason is FinishReason.STOP and trial.transcript.calls:
            reason = FinishReason.TOOL_CALLS
        return index, piece, Ended(reason, finished.stop)

    def answering(self, choice: int) -> tuple[Trial, int]:
        """The trajectory behind a choice that has ended, and how many calls it hands over."""
        return self._answering[choice]

    async def _fan_out(self) -> AsyncGenerator[tuple[int, Piece, Ended | None]]:
        """n choices at once, each with its share of the budget, their pieces interleaved as they come."""
        n = self.spec.n
        queue: asyncio.Queue[tuple[int, Piece, Ended | None] | asyncio.Task[None]] = asyncio.Queue()
        shares = self._shares(n)

        async def forward(index: int) -> None:
            ledger = self.ledger.child(shares)
            try:
                async with aclosing(self._choice(index, ledger)) as own:
                    async for item in own:
                        queue.put_nowait(item)
            finally:
                ledger.close()

        tasks = [asyncio.create_task(forward(index)) for index in range(n)]
        for task in tasks:
            task.add_done_callback(queue.put_nowait)
        try:
            done = 0
            while done < n:
                item = await queue.get()
                if isinstance(item, asyncio.Task):
                    item.result()
                    done += 1
                else:
                    yield item
        finally:
            await _cancel(tasks)

    def _shares(self, among: int) -> dict[str, float]:
        return self.ledger.share(TOKENS, among) | self.ledger.share(USD, among)

    async def _by_strategy(self, strategy: Strategy) -> tuple[int, Piece, Ended]:
        with attributed(f"strategy {self.spec.strategy_name!r}"):
            outcome = await strategy.run(self)
        trial = next(trial for trial in self.trials if trial.index == outcome.index)
        return self._last(replace(trial, transcript=self._transcript(trial.trajectory, 0)), 0)

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """Part of `strategy.Trials`: as the controllers have planned them."""
        return self._plan.messages

    async def ask(self, model: str, question: Question) -> ModelReply:
        """Part of `strategy.Trials`: ask an auxiliary model."""
        return await self._questions.ask(model, question)

    async def start(self, index: int, *, among: int, variant: Variant = AS_ASKED) -> Outcome:
        """Part of `strategy.Trials`: decode one trajectory to its end."""
        among = int(min(among, self.ledger.remaining(FAN_OUT)))
        if not self.ledger.try_spend(FAN_OUT):
            raise RequestError(f"the budget allows {len(self.trials)} trajectories", "flyball.budget.fan_out")
        ledger = self.ledger.child(self._shares(among))
        try:
            trial = await self._opened(index, ledger, variant)
            async with self._session(index), aclosing(trial.loop.run()) as commits:
                async for _ in commits:
                    pass
            return Outcome(index, trial.trajectory, trial.transcript.close().content)
        finally:
            ledger.close()

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        """Part of `strategy.Trials`: call a tool of the server's that the request names, in a session of its own."""
        self._side_calls += 1
        key = trajectory_key(f"{self.spec.id}-side-{self._side_calls}")
        try:
            async with nullcontext() if self._sessions is None else self._sessions.trajectory(key):
                return await run_tool(self.spec.server_tools, tool, arguments, key, self.ledger)
        except AdmissionError as error:
            return Result(Status.INFRA, str(error))

    def note(self, text: str, figures: Mapping[str, float]) -> None:
        """Part of `strategy.Trials`: say in the response what was done."""
        self.notes.append({"by": text, **figures})

    def _note_cancelled(self) -> None:
        """A trajectory that was left before its end says so in its log."""
        for trial in self.trials:
            if trial.trajectory.finished is None:
                end = len(trial.trajectory.ids)
                trial.trajectory.note(Finished(position=end, reason=FinishReason.CANCELLED, by="cancelled"))

    @property
    def prompt_tokens(self) -> int:
        """Of the first trajectory; of the request's own prompt before there is one."""
        if not self.trials:
            return len(self.prompt_ids)
        return len(min(self.trials, key=lambda trial: trial.index).trajectory.prompt_ids)

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that the engine already held, in the first trajectory's first call."""
        return self.trials[0].loop.cached_tokens if self.trials else 0


def _with_limit(server: ServerTools | None, calls: int | None) -> ServerTools | None:
    return server if server is None or calls is None else msgspec.structs.replace(server, call_limit=calls)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
