"""The `[[models]]` sections of the configuration: auxiliary models."""

from __future__ import annotations

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ..sections import PriceSection, Section


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError("write https://host/v1")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class EndpointSection(Section):
    """A model behind an OpenAI-compatible server."""

    name: str = Field(min_length=1, max_length=48)
    url: BaseUrl
    """Up to /v1."""
    model: str | None = None
    """What the server calls it. None: the name."""
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Sent with every question, e.g. {chat_template_kwargs = {enable_thinking = false}}."""
    price: PriceSection = PriceSection()
    timeout_s: float = Field(default=120.0, gt=0)


class AuxiliarySection(Section):
    """A model that controllers and strategies may ask by name: behind a server (`url`), or served beside (`path`)."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,48}$")
    url: BaseUrl | None = None
    """Up to /v1."""
    model: str | None = None
    """What the server calls it. None: the name."""
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Sent with every question, e.g. {chat_template_kwargs = {enable_thinking = false}}."""
    path: str | None = None
    """A directory, a hub name, or a packaged model: served by an engine of its own, beside the one that is governed."""
    args: dict[str, Any] = Field(default_factory=dict)
    """vLLM's engine arguments for `path`."""
    price: PriceSection = PriceSection()
    timeout_s: float = Field(default=30.0, gt=0)
    """Of one question."""
    max_running: int = Field(default=64, ge=1)
    """Questions that it is asked at once, of all requests; an engine makes batches of them."""
    max_queue: int = Field(default=1024, ge=0)
    """Questions that wait beyond that; the next one is refused, and its request goes on without."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise ValueError("give url (a server) or path (weights), not both")
        if self.path is not None and (self.model or self.api_key_env or self.extra):
            raise ValueError("model, api_key_env and extra belong to a url")
        if self.url is not None and self.args:
            raise ValueError("args belong to a path")
        if self.name == "self":
            raise ValueError('"self" is the served model')
        return self

    def endpoint(self) -> EndpointSection:
        """The part that says where a server is."""
        assert self.url is not None
        return EndpointSection(**self.model_dump(include=set(EndpointSection.model_fields)))
