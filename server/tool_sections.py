"""The `[tools]` section of the configuration: one model for each kind of tool that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ..tools.fetch.config import FetchConfig
from ..tools.mcp.config import McpConfig
from ..tools.model_tool import ModelToolConfig
from ..tools.search.config import SearchConfig
from ..tools.web_search.config import WebSearchConfig
from .auxiliary.sections import EndpointSection
from .sections import Section

TierName = Literal["auto", "e2b", "A", "A'", "B", "monty"]


class E2bSection(Section):
    """Machines of e2b, where its tier is taken; the key is the environment's E2B_API_KEY."""

    domain: str | None = None
    """None: the environment's E2B_DOMAIN, or e2b.app."""
    template: str | None = None
    machines: int = Field(default=8, ge=1)
    """Machines at once."""
    sessions_per_machine: int = Field(default=16, ge=1)
    machine_seconds: int = Field(default=120, ge=1)
    """How long a machine lives without a sign of life from this server."""
    internet: bool = False


class PythonSection(Section):
    """The tool `python`: the best sandbox that holds on this system, or none and no tool."""

    enabled: bool = True
    tier: TierName = "auto"
    """auto: the best that holds; e2b, A, A', B, monty: that one or none (docs/security.md)."""
    seconds: float = Field(default=30.0, gt=0)
    """How long one call may run."""
    preload: tuple[str, ...] = ("numpy", "sympy")
    """Modules that every session finds loaded."""
    memory_mib: int = Field(default=512, ge=1)
    """Memory of one session."""
    disk_mib: int = Field(default=64, ge=1)
    """Working folder of one session (tier A)."""
    max_sessions: int = Field(default=512, ge=1, le=5000)
    """Sessions at once; for another, the one that was idle longest ends."""
    idle_memory_mib: int = Field(default=4096, ge=1)
    """Memory of all idle sessions together; above it, those that were idle longest end."""
    total_memory_mib: int | None = Field(default=None, ge=1)
    """Memory of all sessions together; above it the largest are killed. None: half of the machine's."""
    cgroup: Path | None = None
    """Folder of a cgroup v2 that is this server's to divide; the kernel then bounds all sessions together, too."""
    e2b: E2bSection = E2bSection()


class SearchSection(SearchConfig):
    """The tool `search`; without a path it looks into the pocket corpus."""

    enabled: bool = True


class McpSection(McpConfig):
    """MCP servers."""

    request_urls: tuple[str, ...] = ()
    """Beginnings of addresses of servers that requests may bring along, up to a path's end. Empty: none."""

    @model_validator(mode="after")
    def _whole_addresses(self) -> Self:
        for url in self.request_urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
                raise ValueError("request_urls: write https://host/ or https://host/path")
        return self


class ToolModelSection(ModelToolConfig, EndpointSection):
    """A model behind an OpenAI-compatible server that other models may ask, as the tool ask_NAME."""


class ToolsSection(Section):
    """The tools that this server runs for its clients."""

    files: tuple[str, ...] = ()
    """Python files with tools; they run with the rights of the server."""
    plugins: bool = True
    """Load the tools of other installed packages, too."""
    python: PythonSection = PythonSection()
    search: SearchSection = SearchSection()
    corpora: tuple[SearchConfig, ...] = ()
    """Further corpora, each a tool with a name of its own."""
    web_search: WebSearchConfig | None = None
    fetch: FetchConfig | None = None
    mcp: McpSection = McpSection()
    models: tuple[ToolModelSection, ...] = ()

    few: int = Field(default=40, ge=0)
    """Up to so many tools of a request are all told to the model; of more, some, and `search_tools` finds the others."""
    room: int = Field(default=8, ge=1)
    """How many of many are told at the start."""
    explore: float = Field(default=0.0, ge=0, le=1)
    """Chance of telling any other set, so that the choice can be learned from what is traced."""
    encoder: str | None = None
    """A text encoder by which tools are found by meaning, too; needs flyball[retrieval]. None: by words."""

    concurrency: int = Field(default=64, ge=1)
    """Calls of one tool that run at once; others wait for some seconds."""
    max_calls: int = Field(default=32, ge=1)
    """Calls of `/v1/flyball/tools/execute` that run at once, of all clients."""
    max_queued_calls: int = Field(default=4096, ge=1)
    """Calls that run or wait there; a batch beyond that is refused with 429."""
    max_rounds: int = Field(default=32, ge=1)
    """How often results are appended to one trajectory; then the model is told to answer."""
    max_sessions: int = Field(default=1000, ge=1)
    """Sessions that tools keep state for at once."""
    session_memory_mib: int | None = Field(default=None, ge=1)
    """Memory that tools keep for all sessions together, as far as they say it (Python does); above it, those used longest
    ago end. None: each tool's own bounds."""
    idle_seconds: float = Field(default=600.0, gt=0)
    """A session that nobody used for so long ends."""
    pending_seconds: float = Field(default=3600.0, gt=0)
    """How long a turn in which the client has calls to make, too, is kept for its results."""
