"""What the `openai` engine is told: the servers, their key, time limits. Imports no HTTP client."""

from __future__ import annotations

import os
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from ....core.errors import ConfigError


def _server_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a server's URL looks like http://gpu1:8000")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a server's URL holds no user, password, query or fragment; the key belongs in api_key_env")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


ServerUrl = Annotated[str, AfterValidator(_server_url)]
Seconds = Annotated[float, Field(gt=0)]


class RemoteConfig(BaseModel):
    """One model served by one or more OpenAI-compatible servers (vLLM, SGLang)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    urls: tuple[ServerUrl, ...] = Field(min_length=1)
    """The servers, with or without `/v1`; all serve the same model."""
    model: str | None = None
    """The servers' name for the model. None: the first that `/v1/models` lists."""
    api_key: SecretStr | None = None
    """The servers' key. Better: `api_key_env`."""
    api_key_env: str | None = None
    """The environment variable that holds the servers' key. None: no key is sent."""
    context_length: int | None = Field(default=None, gt=0)
    """Tokens of context. None: the smallest `max_model_len` that the servers report."""
    max_logprobs: int = Field(default=20, ge=0)
    """Likeliest tokens that the servers report per token (vLLM's `--max-logprobs`)."""
    priority: bool = False
    """Whether the servers schedule by priority (vLLM: `--scheduling-policy priority`); others refuse the field."""
    connect_timeout_s: Seconds = 5.0
    """Until a connection stands, its name resolved."""
    first_token_timeout_s: Seconds = 300.0
    """Without a byte from the server before the first token: queueing and prefill happen here."""
    chunk_timeout_s: Seconds = 60.0
    """Without a byte from the server after the first token."""
    retries: int = Field(default=2, ge=0)
    """Further rounds over the servers once each has failed, before the first token only. 0: one round."""
    backoff_s: Seconds = 0.25
    """Longest wait before the first further round; doubles with each, and is drawn at random up to that."""
    backoff_max_s: Seconds = 5.0
    aside_s: Seconds = 1.0
    """How long a failing server is left alone before it is probed; doubles while it goes on failing."""
    aside_max_s: Seconds = 30.0
    affinity_tokens: int = Field(default=256, gt=0)
    """Calls without an affinity go by this many prompt tokens: those that begin alike share a server."""
    imbalance: float = Field(default=1.25, ge=1)
    """A server with more than this times the mean of running calls, plus one, is passed over."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.urls)) < len(self.urls):
            raise ValueError("a server is named twice in urls")
        if self.api_key is not None and self.api_key_env is not None:
            raise ValueError("give api_key or api_key_env, not both")
        return self

    def key(self) -> SecretStr | None:
        """The servers' key. Errors: ConfigError when its environment variable is unset or empty."""
        if self.api_key_env is None:
            return self.api_key
        value = os.environ.get(self.api_key_env)
        if not value:
            raise ConfigError(f"api_key_env: the environment variable {self.api_key_env} is not set.")
        return SecretStr(value)
