"""What `[tools.python]` says reaches the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.server.sources.python import sandbox_config
from flyball.server.tool_sections import PythonSection
from flyball.tools.sandbox import Limits, SandboxConfig, Tier
from flyball.tools.sandbox.e2b.config import E2bConfig


def test_every_setting_reaches_the_sandbox() -> None:
    section = PythonSection.model_validate(
        {
            "tier": "A'",
            "preload": ["json"],
            "memory_mib": 100,
            "disk_mib": 10,
            "max_sessions": 20,
            "total_memory_mib": 1000,
            "cgroup": "/sys/fs/cgroup/flyball",
            "e2b": {"domain": "vm.example", "machines": 2, "internet": True},
        }
    )

    assert sandbox_config(section) == SandboxConfig(
        tier=Tier.BUBBLEWRAP,
        preload=("json",),
        limits=Limits(memory_mib=100, disk_mib=10),
        max_sessions=20,
        memory_mib=1000,
        cgroup=Path("/sys/fs/cgroup/flyball"),
        e2b=E2bConfig(domain="vm.example", machines=2, internet=True),
    )


def test_without_a_word_the_best_tier_is_taken_with_the_sandboxs_own_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("E2B_API_KEY", "e2b_x")
    config = sandbox_config(PythonSection())

    assert config == SandboxConfig()
    assert config.e2b.api_key == "e2b_x"
