"""Every source that the configuration asks for."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator

from ...core.errors import ConfigError
from ...tools.fetch.tool import Fetch
from ...tools.model_tool import ModelTool, ModelToolConfig
from ...tools.web_search.tool import WebSearch
from ..auxiliary.remote import RemoteModel
from ..tool_sections import ToolModelSection, ToolsSection
from . import python
from .base import Ready, Source
from .corpus import CorpusSource
from .mcp import McpSource
from .python import PythonSource

log = logging.getLogger(__name__)


def all_sources(config: ToolsSection, taken: Collection[str]) -> Iterator[Source]:
    """The sources, none of them started; `taken`: names of the operator's own tools.

    `python` and `search` are there without being configured; an own tool of that name takes their place then.
    Errors: ConfigError for what is configured and cannot be used.
    """
    if config.python.enabled and _wanted("python", python.NAME, config, taken):
        yield PythonSource(config.python, config.idle_seconds)
    if config.search.enabled and _wanted("search", config.search.name, config, taken):
        yield CorpusSource(config.search)
    yield from map(CorpusSource, config.corpora)
    if config.web_search is not None:
        yield Ready("web_search", WebSearch(config.web_search))
    if config.fetch is not None:
        yield Ready("fetch", Fetch(config.fetch))
    if config.mcp.servers:
        yield McpSource(config.mcp)
    if config.models:
        yield Ready("models", *map(_model_tool, config.models))


def _wanted(section: str, name: str, config: ToolsSection, taken: Collection[str]) -> bool:
    if name not in taken:
        return True
    if section in config.model_fields_set:
        raise ConfigError(f"there are two tools {name!r}: one of yours, and that of [tools.{section}]")
    log.info("the tool %r of yours takes the place of the one that ships", name)
    return False


def _model_tool(section: ToolModelSection) -> ModelTool:
    config = ModelToolConfig(**section.model_dump(include=set(ModelToolConfig.model_fields)))
    return ModelTool(RemoteModel(section), config)
