"""A model behind an OpenAI-compatible server, asked whole chats."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from ...core.errors import ConfigError, RequestError, UpstreamError, UpstreamUnreachable
from ...core.model import ModelReply
from .sections import EndpointSection


class _Message(BaseModel):
    content: str | None = None


class _Likely(BaseModel):
    token: str
    logprob: float


class _Place(BaseModel):
    token: str
    logprob: float
    top_logprobs: list[_Likely] = []


class _Logprobs(BaseModel):
    content: list[_Place] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None

    def first(self) -> tuple[tuple[str, float], ...]:
        """The likeliest first tokens, the sampled one among them."""
        places = self.logprobs.content if self.logprobs is not None else None
        if not places:
            return ()
        likely = [(other.token, other.logprob) for other in places[0].top_logprobs]
        sampled = (places[0].token, places[0].logprob)
        return tuple(likely if sampled in likely else [sampled, *likely])


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


def open_client(connections: int) -> httpx.AsyncClient:
    """A client for models that are asked often."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(verify=_tls(), trust_env=False, limits=limits)


class RemoteModel:
    """Meets `core.model.Model`. Without a `client` every question has a connection of its own."""

    def __init__(self, config: EndpointSection, client: httpx.AsyncClient | None = None) -> None:
        """Errors: ConfigError for a key whose variable is not set."""
        self.name, self.price = config.name, config.price.price()
        self._url, self._model = f"{config.url}/chat/completions", config.model or config.name
        self._timeout, self._extra, self._client = config.timeout_s, config.extra, client
        self._headers: Mapping[str, str] = {}
        if config.api_key_env is not None:
            key = os.environ.get(config.api_key_env)
            if not key:
                raise ConfigError(f"{config.name}: the environment variable {config.api_key_env} is not set.")
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
        asked = {"model": self._model, "messages": messages, "max_tokens": max_tokens, "temperature": temperature}
        if first_token_logprobs:
            asked |= {"logprobs": True, "top_logprobs": first_token_logprobs}
        try:
            async with self._at() as client:
                response = await client.post(
                    self._url, json=self._extra | asked, headers=dict(self._headers), timeout=self._timeout
                )
        except httpx.HTTPError as error:
            raise UpstreamUnreachable(f"{self.name}: {type(error).__name__}") from None
        return self._reply(response)

    @asynccontextmanager
    async def _at(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._client is not None:
            yield self._client
        else:
            async with httpx.AsyncClient(verify=_tls(), trust_env=False) as client:
                yield client

    def _reply(self, response: httpx.Response) -> ModelReply:
        if response.status_code in (400, 413, 422):
            raise RequestError(_reason(response))
        if response.status_code != 200:
            raise UpstreamError(f"{self.name} answered with status {response.status_code}", response.status_code)
        try:
            body = _Body.model_validate_json(response.content)
            choice = body.choices[0]
        except (ValidationError, IndexError):
            raise UpstreamError(f"{self.name} answered in another form", response.status_code) from None
        return ModelReply(
            choice.message.content or "",
            body.usage.prompt_tokens,
            body.usage.completion_tokens,
            choice.first(),
            cut=choice.finish_reason == "length",
        )


def _reason(response: httpx.Response) -> str:
    try:
        body: Any = response.json()
        return str(body["error"]["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
