"""The auxiliary models of a server, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import httpx

from ...controllers.served_model import ServedModel
from ...core.chat_format import ChatFormat
from ...core.errors import ConfigError
from ...core.model import Model
from ..supervisor import Supervisor
from .bounded import BoundedModel
from .remote import RemoteModel, open_client
from .sections import AuxiliarySection

Beside = Callable[[AuxiliarySection], tuple[Supervisor, ChatFormat]]
"""Makes the engine, not started, of a model that is served beside the governed one. It may block."""


class AuxiliaryModels:
    """Models by name, each bounded; those with weights have an engine of their own, which is restarted when it dies."""

    def __init__(self, sections: Sequence[AuxiliarySection], beside: Beside) -> None:
        """Errors: ConfigError for a name that is there twice."""
        names = [section.name for section in sections]
        if len(set(names)) < len(names):
            raise ConfigError("models: two of them have the same name")
        self._sections, self._beside = sections, beside
        self._engines: dict[str, Supervisor] = {}
        self._client: httpx.AsyncClient | None = None
        self.models: Mapping[str, BoundedModel] = {}

    async def start(self) -> None:
        """Load what is served beside. Errors: ConfigError, those of the engine."""
        self._client = open_client(sum(section.max_running for section in self._sections if section.url) or 1)
        models: dict[str, BoundedModel] = {}
        for section in self._sections:
            model = await self._model(section)
            models[section.name] = BoundedModel(model, section.max_running, section.max_queue, section.timeout_s)
        self.models = models

    async def _model(self, section: AuxiliarySection) -> Model:
        if section.path is None:
            return RemoteModel(section.endpoint(), self._client)
        engine, format = await asyncio.to_thread(self._beside, section)
        self._engines[section.name] = engine
        await engine.start()
        return ServedModel(section.name, engine, format, section.price.price())

    async def close(self) -> None:
        """Stop the engines, and end the connections."""
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))
        if self._client is not None:
            await self._client.aclose()

    def asked(self) -> int:
        """Questions that run or wait."""
        return sum(model.asked for model in self.models.values())

    def refused(self) -> int:
        """Questions that came when a queue was full."""
        return sum(model.refused for model in self.models.values())

    def health(self) -> dict[str, str]:
        """How each of them is: ready, restarting, or remote (it is not asked before it is needed)."""
        said = {True: "ready", False: "restarting"}
        return {name: said[self._engines[name].alive] if name in self._engines else "remote" for name in self.models}
