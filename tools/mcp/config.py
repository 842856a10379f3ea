"""Which MCP servers there are, and how long they are waited for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from ...core.errors import ConfigError

Seconds = Annotated[float, Field(gt=0)]
ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]


class ServerConfig(BaseModel):
    """What servers of both kinds share."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: ServerName
    """Stands before the names of its tools: time__get_current_time."""
    tools: tuple[str, ...] | None = None
    """The server's names of those that are offered. None: all."""
    connect_timeout_s: Seconds = 15.0
    """Until the server has started and listed its tools."""
    timeout_s: Seconds = 60.0
    """For one call."""
    timeouts_s: dict[str, Seconds] = {}
    """For calls of some tools, by the server's names."""

    def timeout_of(self, tool: str) -> float:
        """Seconds that a call of this tool may take."""
        return self.timeouts_s.get(tool, self.timeout_s)


class StdioServer(ServerConfig):
    """A program that is started here and spoken to through its standard input and output."""

    command: str
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = {}
    """Variables of its environment besides HOME, LOGNAME, PATH, SHELL, TERM and USER."""
    env_from: tuple[str, ...] = ()
    """Variables that it gets from the server's own environment."""
    cwd: Path | None = None

    def environment(self) -> dict[str, str]:
        """Errors: ConfigError for a variable of `env_from` that is not set."""
        named = {name: _variable(name, self.name) for name in self.env_from}
        return named | {name: value.get_secret_value() for name, value in self.env.items()}


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("write https://host/mcp; a key belongs in headers_env")
    return url


class HttpServer(ServerConfig):
    """A server that runs elsewhere and speaks streamable HTTP."""

    url: Annotated[str, AfterValidator(_http_url)]
    headers: dict[str, SecretStr] = {}
    headers_env: dict[str, str] = {}
    """Headers whose values are environment variables: {"Authorization": "MCP_AUTHORIZATION"}."""

    def all_headers(self) -> dict[str, str]:
        """Errors: ConfigError for a variable that is not set."""
        named = {header: _variable(name, self.name) for header, name in self.headers_env.items()}
        return named | {name: value.get_secret_value() for name, value in self.headers.items()}


class McpConfig(BaseModel):
    """All servers."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    stdio: tuple[StdioServer, ...] = ()
    http: tuple[HttpServer, ...] = ()

    @property
    def servers(self) -> tuple[ServerConfig, ...]:
        """Those of both kinds."""
        return (*self.stdio, *self.http)


def _variable(name: str, server: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigError(f"MCP server {server}: the environment variable {name} is not set.")
    return value
