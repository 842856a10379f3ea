"""Describing the tools loads none of the libraries that they work with."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "vllm",
    "transformers",
    "numpy",
    "bm25s",
    "aiohttp",
    "mcp",
    "httpx2",
    "selectolax",
    "pypdf",
    "jmespath",
)


@pytest.mark.parametrize(
    "module",
    ["search.tool", "fetch.tool", "web_search.tool", "mcp.servers", "model_tool", "documents.formats"],
)
def test_a_tool_is_imported_without_what_it_works_with(module: str) -> None:
    code = f"import sys, flyball.tools.{module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "\n"
