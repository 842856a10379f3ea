"""A model as a tool, so that a small model can have a large one do a part of the work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..core.charging import ask
from ..core.errors import EngineError, RequestError, ToolError
from ..core.ledger import FAN_OUT, Ledger
from ..core.model import Model, ModelReply
from .arguments import Arguments
from .result import Result, Status, Usage
from .tool import CallContext, Effect, ToolSpec


class ModelToolConfig(BaseModel):
    """How a model is offered to other models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = ""
    """What it is good at; told to the model that may call it."""
    latency_s: float | None = Field(default=None, gt=0)
    """How long it usually takes; told, too. None: not known."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of an answer."""
    min_tokens: int = Field(default=16, ge=1)
    """Where the budget allows a shorter answer only, the model is not asked."""
    temperature: float = Field(default=0.0, ge=0)
    timeout_s: float = Field(default=120.0, gt=0)


class ModelArguments(Arguments):
    """What the calling model says."""

    prompt: str = Field(description="All that the model needs to know: it sees nothing else.")
    system: str | None = Field(default=None, description="How it should answer.")


class ModelTool:
    """Asks a model, within what the ledger has left.

    Tokens and the start are booked here; dollars are reported as the call's `usage.usd`, which `Charge` books. While the
    model answers, the dearest answer that it may give is set aside.
    """

    def __init__(self, model: Model, config: ModelToolConfig | None = None) -> None:
        self._model = model
        self._config = config or ModelToolConfig()
        self.spec = ToolSpec(
            name=f"ask_{re.sub(r'[^A-Za-z0-9_-]', '_', model.name)}"[:64],
            description=_description(model, self._config),
            parameters=ModelArguments.parameters(),
            effect=Effect.READ_ONLY,
            timeout=self._config.timeout_s,
        )

    async def call(self, arguments: Mapping[str, Any], context: CallContext) -> Result:
        """The model's answer. Errors: ToolError for a budget that is spent and a prompt that is too long."""
        asked = ModelArguments.model_validate(arguments)
        messages = [{"role": "system", "content": asked.system}] if asked.system else []
        messages.append({"role": "user", "content": asked.prompt})
        if context.ledger.remaining(FAN_OUT) < 1:
            raise ToolError(f"The budget left is too small to ask {self._model.name}.")
        start = context.ledger.child({FAN_OUT: 1})
        try:
            reply = await self._ask(messages, context.ledger)
            start.charge(FAN_OUT, 1)
            return self._result(reply)
        except RequestError as error:
            raise ToolError(f"{self._model.name} cannot be asked this: {error}") from None
        except EngineError:
            start.charge(FAN_OUT, 1)
            return Result(Status.INFRA, f"{self._model.name} cannot be asked now.")
        finally:
            start.close()

    async def _ask(self, messages: list[dict[str, str]], ledger: Ledger) -> ModelReply:
        most, least = self._config.max_tokens, min(self._config.min_tokens, self._config.max_tokens)
        return await ask(
            self._model, ledger, messages, max_tokens=most, temperature=self._config.temperature, least=least
        )

    def _result(self, reply: ModelReply) -> Result:
        usd = reply.usd(self._model.price)
        cut = "\n[cut: the answer was longer than it may be]" if reply.cut else ""
        used = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
        return Result(Status.OK, f"{reply.text}{cut}", structured=used, usage=Usage(usd=usd))

    async def end_session(self, session: str) -> None:
        """No state is kept."""

    async def close(self) -> None:
        """The model is closed by who configured it."""


def _description(model: Model, config: ModelToolConfig) -> str:
    """Example: "Asks the model big. Good at proofs. Costs $0.5 per million tokens in and $2 out. Takes about 8 s."."""
    about = f" {config.about.rstrip('.')}." if config.about else ""
    price = model.price
    free = price.input == price.output == 0
    cost = " Costs nothing." if free else f" Costs ${price.input:g} per million tokens in and ${price.output:g} out."
    latency = "" if config.latency_s is None else f" Takes about {config.latency_s:g} s."
    return f"Asks the model {model.name}.{about}{cost}{latency}"
