"""A model behind an OpenAI-compatible server, asked whole chats: what tools that are models stand on."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from ..core.errors import ConfigError, EngineError, RequestError, UpstreamError, UpstreamUnreachable
from ..core.model import ModelReply
from .tool_sections import ToolModelSection


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Body(BaseModel):
    choices: list[_Choice]
    usage: _Usage


@cache
def _tls() -> ssl.SSLContext:
    """Made once: it takes tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)


class RemoteModel:
    """Meets `core.model.Model`. Every question is a request of its own: questions are few, and long."""

    def __init__(self, config: ToolModelSection) -> None:
        """Errors: ConfigError for a key whose variable is not set."""
        self.name, self.price = config.name, config.price.price()
        self._url, self._model = f"{config.url}/chat/completions", config.model or config.name
        self._timeout = config.timeout_s
        self._headers: Mapping[str, str] = {}
        if config.api_key_env is not None:
            key = os.environ.get(config.api_key_env)
            if not key:
                raise ConfigError(f"tools.models: the environment variable {config.api_key_env} is not set.")
            self._headers = {"authorization": f"Bearer {key}"}

    async def chat(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        first_token_logprobs: int = 0,
    ) -> ModelReply:
        """The answer's text. Errors: RequestError for what the server refuses; UpstreamError, UpstreamUnreachable."""
        if first_token_logprobs:
            raise EngineError(f"{self.name} gives no log-probabilities")
        asked = {"model": self._model, "messages": messages, "max_tokens": max_tokens, "temperature": temperature}
        try:
            async with httpx.AsyncClient(timeout=self._timeout, verify=_tls(), trust_env=False) as client:
                response = await client.post(self._url, json=asked, headers=dict(self._headers))
        except httpx.HTTPError as error:
            raise UpstreamUnreachable(f"{self.name}: {type(error).__name__}") from None
        return self._reply(response)

    def _reply(self, response: httpx.Response) -> ModelReply:
        if response.status_code in (400, 413, 422):
            raise RequestError(_reason(response))
        if response.status_code != 200:
            raise UpstreamError(f"{self.name} answered with status {response.status_code}", response.status_code)
        try:
            body = _Body.model_validate_json(response.content)
            text = body.choices[0].message.content or ""
        except (ValidationError, IndexError):
            raise UpstreamError(f"{self.name} answered in another form", response.status_code) from None
        return ModelReply(text, body.usage.prompt_tokens, body.usage.completion_tokens)


def _reason(response: httpx.Response) -> str:
    try:
        body: Any = response.json()
        return str(body["error"]["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
