"""The configuration examples of the documentation can be loaded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from flyball.tools.fetch.config import FetchConfig
from flyball.tools.mcp.config import McpConfig
from flyball.tools.search.config import SearchConfig
from flyball.tools.web_search.config import WebSearchConfig

DOCS = Path(__file__).parents[2] / "docs" / "tools_builtin.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "search": SearchConfig,
    "web_search": WebSearchConfig,
    "fetch": FetchConfig,
    "mcp": McpConfig,
}


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for block in re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL):
        yield from tomllib.loads(block).items()


@pytest.mark.parametrize(("section", "values"), list(examples()))
def test_an_example_is_a_configuration(section: str, values: dict[str, Any]) -> None:
    SECTIONS[section].model_validate(values)


def test_every_section_has_an_example() -> None:
    assert {section for section, _ in examples()} == set(SECTIONS)


def test_the_servers_of_both_kinds_are_configured() -> None:
    config = McpConfig.model_validate(dict(examples())["mcp"])
    assert [server.name for server in config.servers] == ["time", "wiki"]
