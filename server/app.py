"""The application: a factory, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .. import __version__
from ..controllers.formats.registry import load_format
from ..core.chat_format import ChatFormat
from ..core.engine import Engine
from .auxiliary.models import AuxiliaryModels, Beside
from .auxiliary.sections import AuxiliarySection
from .config import Config, EngineSection, ModelSection
from .errors import add_error_handlers
from .gate import OPEN_PATHS, Gate
from .routes import chat, completions, feedback, governing, models, operating, tools, verl
from .service import Service
from .supervisor import Supervisor
from .toolbox import Toolbox, check_presets, load_tools

EngineFactory = Callable[[Config, ChatFormat], Engine]


def make_engine(config: Config, format: ChatFormat) -> Engine:
    """The engine that the configuration names. Errors: ConfigError."""
    if config.engine.kind == "openai":
        from .engines.openai import OpenAIEngine

        assert config.engine.remote is not None
        return OpenAIEngine(config.engine.remote, format.encode, format.decode)
    from .engines.vllm import ThinkingMarkers, VllmEngine

    markers = None
    if format.thinks and format.think_end_id is not None and "reasoning_config" not in config.engine.args:
        opening, close = format.think_open_ids[:1], format.think_end_id
        markers = ThinkingMarkers(format.decode(opening), format.decode([close]), close)
    return VllmEngine(config.model.resolved_path, config.engine.args, config.model.adapters, markers)


def _load_format(config: Config) -> ChatFormat:
    return load_format(config.model.format, config.model.resolved_path, config.model.tokenizer)


def beside(config: Config, engine: EngineFactory) -> Beside:
    """Makes engines of auxiliary models that are served beside the governed one."""

    def make(section: AuxiliarySection) -> tuple[Supervisor, ChatFormat]:
        assert section.path is not None
        model = ModelSection(path=section.path, name=section.name)
        own = config.model_copy(update={"model": model, "engine": EngineSection(args=section.args)})
        format = _load_format(own)
        return Supervisor(lambda: engine(own, format)), format

    return make


def build_app(config: Config, *, engine: EngineFactory = make_engine, format: ChatFormat | None = None) -> FastAPI:
    """The ASGI application. The engine starts with its lifespan, so building it loads nothing heavy.

    `engine` and `format` replace what the configuration names: for tests, and for engines of one's own.
    Errors: ConfigError for tools that cannot be loaded.
    """
    registry, sources = load_tools(config.tools)
    check_presets(config.presets, registry, sources)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        chat_format = format if format is not None else await asyncio.to_thread(_load_format, config)
        supervisor = Supervisor(lambda: engine(config, chat_format))
        toolbox = Toolbox(registry, config.tools, sources)
        auxiliary = AuxiliaryModels(config.models, beside(config, engine))
        service = Service(config, supervisor, chat_format, toolbox, auxiliary)
        app.state.service = service
        try:
            toolbox.start()
            await supervisor.start()
            await auxiliary.start()
            await toolbox.ready()
            service.check_presets()
            yield
        finally:
            await toolbox.close()
            await auxiliary.close()
            await supervisor.close()
            await asyncio.to_thread(service.close)

    app = FastAPI(title="Flyball", version=__version__, lifespan=lifespan, redoc_url=None, strict_content_type=False)
    for module in (chat, completions, models, governing, tools, verl, feedback, operating):
        app.include_router(module.router)
    add_error_handlers(app)
    server = config.server
    open_paths = OPEN_PATHS | ({"/metrics"} if server.open_metrics else set())
    app.add_middleware(Gate, keys=server.api_keys, open_paths=open_paths, max_body_bytes=server.max_body_bytes)
    return app
