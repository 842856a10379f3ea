"""One `flyball serve` for all of this folder: a start takes half a minute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..live import Server

CONFIG = """
[traces]
url = "sqlite:///{folder}/traces.sqlite"
[presets.budget]
controllers = [{ name = "adaptive_think", mode = "think" }, { name = "thinking_budget", tokens = 12 }]
[presets.phrase]
controllers = [{ name = "adaptive_think", mode = "think" }, { name = "thinking_budget", tokens = 12, closing = "Enough." }]
[presets.hint]
controllers = [{ name = "adaptive_think", mode = "think" }, { name = "hint_infer", rounds = 1, hints = ["Wait, let me check."] }]
[presets.auto]
controllers = [{ name = "adaptive_think", mode = "auto" }]
[presets.quick]
controllers = [{ name = "adaptive_think", mode = "no_think" }]
[presets.words]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", rounds = 0, after_words = 2, distance = 0, hints = ["Wait, let me compute it in Python.\\n```python\\n"] },
]
[presets.cort]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", hints = ["Wait, is it right?"], prefill = true, tedious = 2, distance = 0, trust = "result", calls = 1 },
]
[presets.tedious]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", rounds = 0, tedious = 1, trust = "doubt" },
    { name = "thinking_budget", tokens = 400 },
]
[presets.opened]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", hints = ["Let me use Python to verify this.\\n```python\\n"] },
]
[presets.said]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", hints = ["Let me run Python code to be sure of the numbers."] },
]
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared; `test_when_it_ends.py`, the last file, ends it."""
    running = Server(tmp_path_factory.mktemp("served"), CONFIG)
    yield running
    running.close()
