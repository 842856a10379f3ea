"""What the routes share: which models there are, and an episode from its request to its trace."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec

from ..controllers.episode import Ended, Episode, EpisodeSpec
from ..controllers.limits import Limits
from ..controllers.served_model import ServedModel
from ..controllers.side import SELF
from ..controllers.tool_history import history_of
from ..controllers.transcript import Piece
from ..core.chat_format import ChatFormat
from ..core.engine import GRAMMAR
from ..core.errors import ConfigError, ModelNotFound, RequestError, Unavailable, UnknownTool
from ..core.events import Acted, Asked, FinishReason, ToolAnswered
from ..core.model import Model
from .admission import Admission
from .auxiliary.models import AuxiliaryModels
from .body import call_id
from .config import Config
from .metrics import Metrics
from .sandbox_metrics import SandboxCollector
from .supervisor import Supervisor
from .toolbox import Toolbox
from .tracing import End, Tracing
from .translate import Target, chat_spec, check_block
from .wire.flyball_block import FlyballBlock
from .wire.requests import ChatCompletionRequest

log = logging.getLogger(__name__)


class Service:
    """One served model with its engine, admission, metrics and traces."""

    def __init__(
        self, config: Config, engine: Supervisor, format: ChatFormat, toolbox: Toolbox, auxiliary: AuxiliaryModels
    ) -> None:
        self.config, self.engine, self.format, self.toolbox = config, engine, format, toolbox
        self.auxiliary = auxiliary
        server = config.server
        self.admission = Admission(server.max_running, server.max_queue, server.max_fan_out)
        self.metrics = Metrics()
        self.traces = Tracing(config.traces.url, config, format) if config.traces.url else None
        self.created = int(time.time())
        self._targets = _targets(config)
        self._watch()

    def _watch(self) -> None:
        watch, admission, engine = self.metrics.watch, self.admission, self.engine
        watch("flyball_running", "Trajectories that run.", lambda: admission.running)
        watch("flyball_waiting", "Requests that wait.", lambda: admission.waiting)
        watch("flyball_refused", "Requests refused because the queue was full.", lambda: admission.refused)
        watch("flyball_engine_restarts", "Restarts of a dead engine.", lambda: engine.restarts)
        if (python := self.toolbox.python) is not None:
            self.metrics.registry.register(SandboxCollector(python))
        watch("flyball_auxiliary_asked", "Questions to auxiliary models that run or wait.", self.auxiliary.asked)
        watch("flyball_auxiliary_refused", "Questions refused because a queue was full.", self.auxiliary.refused)
        if self.traces is not None:
            self.traces.watch(self.metrics)

    def check_presets(self) -> None:
        """Find what no request could use before one names it. Errors: ConfigError.

        A tool that is away is only logged: its server may come back, and without a sandbox there is no Python.
        """
        for name, block in self.config.presets.items():
            try:
                check_block(block, self.format, self.engine.abilities, self.toolbox, self.models(None))
            except UnknownTool as error:
                log.warning("presets.%s: %s", name, error)
            except RequestError as error:
                raise ConfigError(f"presets.{name}: {error}") from error

    # -- models ----------------------------------------------------------------------------------------------------

    def model_names(self) -> list[str]:
        """Everything that `model` may be: the model, its adapters, and each of them with each preset."""
        return list(self._targets)

    def target(self, model: str) -> Target:
        """What a model name means. Errors: ModelNotFound."""
        if model not in self._targets:
            raise ModelNotFound(model, self.model_names())
        return self._targets[model]

    def models(self, adapter: str | None) -> dict[str, Model]:
        """The auxiliary models that a request may ask; "self" is the served one, with the request's adapter."""
        served = ServedModel(SELF, self.engine, self.format, self.config.model.price.price(), adapter)
        return {**self.auxiliary.models, SELF: served}

    # -- episodes --------------------------------------------------------------------------------------------------

    def limits(self) -> Limits:
        """What bounds every trajectory of this model."""
        context = self.engine.abilities.context_length
        room = min(self.config.model.answer_room, context // 4)
        close = len(self.format.close_thinking("")) if self.format.thinks else 0
        price = self.config.model.price.price()
        return Limits(max_tokens=context, context_length=context, answer_room=room, close_tokens=close, price=price)

    async def open(self, request: ChatCompletionRequest, api_key: str | None) -> Episode:
        """Everything that can be refused before an engine is asked. Errors: RequestError and its kinds, Unavailable.

        MCP servers that the request brings along are connected to. Turns in which the server's tools had a part are completed, for the client with this key.
        """
        target = self.target(request.model)
        if not self.engine.alive:
            raise Unavailable("the engine is being restarted")
        id = f"chatcmpl-{uuid.uuid4().hex}"
        block = target.governing(request)
        brought = await self.toolbox.brought(api_key, block.mcp) if block.mcp else []
        models = self.models(target.adapter)
        spec = chat_spec(
            request, target, self.format, self.engine.abilities, id, self.toolbox, api_key, brought, models
        )
        history = self.toolbox.pending.complete(api_key, spec.messages)
        spec = msgspec.structs.replace(spec, messages=history.messages)
        fan_out = spec.n if spec.strategy is None else spec.strategy.fan_out
        self.admission.check(fan_out, "n" if spec.strategy is None else "flyball.strategy")
        limits, max_edits = self.limits(), self.config.server.max_edits
        episode = Episode(spec, self.engine, self.format, limits, max_edits, self.toolbox.sessions, models)
        episode.notes += [{"by": "tools", "text": note} for note in history.notes]
        episode.prepare()
        return episode

    async def pieces(
        self, episode: Episode, request: ChatCompletionRequest, api_key: str | None, *, streamed: bool
    ) -> AsyncGenerator[tuple[int, Piece, Ended | None]]:
        """Decode an admitted episode; when it ends, for whatever reason, it is counted and traced."""
        fan_out = episode.spec.n if episode.spec.strategy is None else episode.spec.strategy.fan_out
        async with (
            self._accounted(episode, request, api_key),
            self.admission.slots(fan_out),
            aclosing(episode.pieces(streamed=streamed)) as pieces,
        ):
            try:
                async for item in pieces:
                    self._keep_turn(episode, item[0], item[2], api_key)
                    yield item
            except RequestError as error:
                raise _in_the_clients_words(error, episode.spec) from error

    def _keep_turn(self, episode: Episode, choice: int, ended: Ended | None, api_key: str | None) -> None:
        """Keep what a client that has calls to make does not see of its turn."""
        server = episode.spec.server_tools
        if server is None or ended is None or ended.reason is not FinishReason.TOOL_CALLS:
            return
        trial, calls = episode.answering(choice)
        ids = [call_id(episode.spec.id, choice, number, handed=True) for number in range(calls)]
        self.toolbox.pending.keep(api_key, ids, history_of(trial.trajectory, self.format, server, ids))

    @asynccontextmanager
    async def _accounted(
        self, episode: Episode, request: ChatCompletionRequest, api_key: str | None
    ) -> AsyncIterator[None]:
        begun, outcome = time.perf_counter(), "cancelled"
        try:
            yield
            outcome = "ok"
        except Exception:
            outcome = "error"
            raise
        finally:
            seconds = time.perf_counter() - begun
            self._count(episode, outcome, seconds)
            if self.traces is not None and episode.trials:
                self.traces.record(episode, request, self.target(request.model), api_key, End(outcome, seconds))

    def _count(self, episode: Episode, outcome: str, seconds: float) -> None:
        self.metrics.count("chat", outcome, seconds)
        self.metrics.count_tokens(episode)
        for trial in episode.trials:
            for event in trial.trajectory.log:
                if isinstance(event, Acted):
                    self.metrics.edits.labels(event.controller).inc()
                elif isinstance(event, ToolAnswered):
                    self.count_tool_call(event.name, event.status)
                elif isinstance(event, Asked):
                    self.metrics.count_side_call(event)

    def count_tool_call(self, name: str, status: str) -> None:
        """One call of a tool has ended."""
        known = name if name in self.toolbox.tools else "unknown"  # models invent names
        self.metrics.tool_calls.labels(known, status).inc()

    def close(self) -> None:
        """Write what the trace store still waits for. Blocks."""
        if self.traces is not None:
            self.traces.close()


def _in_the_clients_words(error: RequestError, spec: EpisodeSpec) -> RequestError:
    """An engine knows of a grammar; which field asked for it, the request says."""
    if error.param != GRAMMAR:
        return error
    return RequestError(str(error), "tools" if spec.force_call else "response_format", error.code)


def _targets(config: Config) -> dict[str, Target]:
    """Every name that is served, and what it means; a model's own name wins over a preset of the same name."""
    adapters: dict[str, str | None] = {config.model.served_name: None}
    adapters |= {name: name for name in config.model.adapters}
    effort: dict[str, FlyballBlock] = {level: config.presets[name] for level, name in config.model.effort.items()}
    targets = {name: Target(name, adapter, effort=effort) for name, adapter in adapters.items()}
    for name, adapter in adapters.items():
        for preset, block in config.presets.items():
            model = f"{name}:{preset}"
            targets.setdefault(model, Target(model, adapter, preset, block, effort))
    return targets
