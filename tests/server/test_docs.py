"""The configuration examples of the documentation can be loaded, each as a whole file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from flyball.server.config import Config
from flyball.server.tool_sections import ToolsSection
from flyball.server.traces.export.tables import TABLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("configuration.md", "tools.md", "tools_builtin.md", "traces.md")
EVERY_PAGE = sorted(str(page.relative_to(ROOT)) for page in (*ROOT.glob("*.md"), *ROOT.glob("*/*.md")))
SHIPPED = {"python", "search", "corpora", "web_search", "fetch", "mcp", "models"}


def examples(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return [block for block in blocks if not block.startswith("[project")]


@pytest.mark.parametrize("block", [block for page in PAGES for block in examples(page)])
def test_an_example_is_a_configuration(block: str) -> None:
    Config.model_validate(tomllib.loads(block))


def test_every_tool_that_ships_has_an_example() -> None:
    shown = {name for block in examples("tools_builtin.md") for name in tomllib.loads(block).get("tools", {})}

    assert shown == SHIPPED <= set(ToolsSection.model_fields)


def test_the_servers_of_both_kinds_are_configured() -> None:
    (block,) = (block for block in examples("tools_builtin.md") if "[[tools.mcp.stdio]]" in block)
    config = Config.model_validate(tomllib.loads(block))

    assert [server.name for server in config.tools.mcp.servers] == ["time", "wiki"]


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_link_leads_to_a_place_that_is_there(page: str) -> None:
    source = ROOT / page
    text = source.read_text(encoding="utf-8")

    for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", text):
        path, _, heading = link.partition("#")
        target = source.parent / path if path else source
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """As links name them."""
    lines = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL).splitlines()
    titles = (line.lstrip("#").strip().lower() for line in lines if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_file_that_is_named_is_there(page: str) -> None:
    """A name in a page stands below the checkout; one of a page on the loop, below `controllers/`."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_0-9]*(?:\.(?:py|md|sh|toml|jsonl))?)`", text))

    assert {
        name for name in named if not (ROOT / name).exists() and not (ROOT / "controllers" / name).exists()
    } == set()


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_an_export_is_documented(table: str) -> None:
    page = (DOCS / "traces.md").read_text(encoding="utf-8")
    section = page.partition(f"\n### {table}\n")[2].partition("\n#")[0]

    columns = [f"| `{column.name}` | {column.kind} | {column.meaning} |" for column in TABLES[table].columns]
    assert section.strip().splitlines()[2:] == columns
