"""What `web_search` is told: where it asks, with which key, and where the results stand in the answer."""

from __future__ import annotations

import os
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from ...core.errors import ConfigError
from .providers import PROVIDERS


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
        raise ValueError("write https://host/path?q={query}")
    return url


def _expression(text: str) -> str:
    import jmespath

    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"no JMESPath expression: {error}") from None
    return text


class WebSearchConfig(BaseModel):
    """A search engine. In `url`, `headers` and `body`, {query}, {k} and {key} are filled in.

    Example: {"provider": "searxng", "url": "https://searx.example/search?q={query}&format=json"}.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    provider: str | None = None
    """A name of `providers.py`, whose settings are the defaults: serper or searxng."""
    url: Annotated[str, AfterValidator(_endpoint)]
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None
    """Sent as JSON by POST. None: GET."""
    results: Annotated[str, AfterValidator(_expression)]
    """A JMESPath expression from the answer to a list of objects with `title`, `url` and `text`."""
    api_key: SecretStr | None = None
    """Better: `api_key_env`."""
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    k: int = Field(default=5, ge=1, le=50)
    """Results that one search gives."""
    text_characters: int = Field(default=500, ge=1)
    """Of each result's text."""
    timeout_s: float = Field(default=10.0, gt=0)
    max_bytes: int = Field(default=2 * 2**20, ge=1)
    """Of an answer."""
    usd: float = Field(default=0.0, ge=0)
    """Price of one search."""

    @model_validator(mode="before")
    @classmethod
    def _of_provider(cls, data: Any) -> Any:
        name = data.get("provider") if isinstance(data, dict) else None
        if name is None:
            return data
        if name not in PROVIDERS:
            raise ValueError(f"provider is one of {', '.join(PROVIDERS)}")
        return {**PROVIDERS[name], **data}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.api_key is not None and self.api_key_env is not None:
            raise ValueError("give api_key or api_key_env, not both")
        sent = f"{self.url}{self.headers}{self.body}"
        if "{query}" not in f"{self.url}{self.body}":
            raise ValueError("{query} stands neither in url nor in body")
        if "{query}" in str(self.headers):
            raise ValueError("{query} cannot stand in headers")
        if ("{key}" in sent) != (self.api_key is not None or self.api_key_env is not None):
            raise ValueError("a key is given and {key} is nowhere, or the other way round")
        return self

    def key(self) -> SecretStr:
        """The key, empty where none is needed. Errors: ConfigError when its environment variable is unset or empty."""
        if self.api_key_env is None:
            return self.api_key or SecretStr("")
        value = os.environ.get(self.api_key_env)
        if not value:
            raise ConfigError(f"web_search: the environment variable {self.api_key_env} is not set.")
        return SecretStr(value)
