"""The tool `python`, in the best sandbox that holds."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core.errors import SandboxError
from ...tools.python_tool import PythonTool
from ...tools.tool import Tool
from ..tool_sections import PythonSection
from .base import Put

if TYPE_CHECKING:
    from ...tools.sandbox import SandboxConfig, Sessions, TierReport

log = logging.getLogger(__name__)
NAME = "python"


class PythonSource:
    """Tries the tiers by breaking them, and takes the first that holds; without any there is no tool, and never one
    without a wall.
    """

    name = NAME
    tools: tuple[Tool, ...] = ()

    def __init__(self, config: PythonSection, idle_seconds: float) -> None:
        self._config, self._idle_seconds = config, idle_seconds
        self._why: list[dict[str, str]] = []
        self._starting = True
        self.sessions: Sessions | None = None
        """None: no sandbox holds, or none has started yet."""

    def may_offer(self, name: str) -> bool:
        """Whether it is this one."""
        return name == NAME

    async def start(self, put: Put) -> None:
        """Takes a second or two."""
        from ...tools.sandbox import Retention, Sessions, probe_all
        from ...tools.sandbox.opening import OPENERS

        config = sandbox_config(self._config)
        try:
            reports = await probe_all(config)
            if not reports[-1].holds:
                self._missing(_told(reports))
                return
            backend = await OPENERS[reports[-1].tier](config)
        except SandboxError as error:
            self._missing([{"tier": self._config.tier, "reason": str(error), "remedy": "See flyball doctor."}])
            return
        finally:
            self._starting = False
        retention = Retention(self._idle_seconds, self._config.max_sessions, self._config.idle_memory_mib)
        self.sessions = Sessions(backend, retention)
        log.info("Python runs in a sandbox of tier %s", backend.tier)
        put([PythonTool(self.sessions, self._config.seconds)])

    def _missing(self, why: list[dict[str, str]]) -> None:
        self._why = why
        log.warning("there is no Python tool, as no sandbox holds: %s", "; ".join(map(str, why)))

    @property
    def missing(self) -> str | None:
        """Why there is no tool, in a line for a client; None when there is one."""
        if self.sessions is not None:
            return None
        return "it is still being started" if self._starting else "no sandbox holds on this server; /health says why"

    def health(self) -> Mapping[str, Any]:
        """The tier in use; without one, what keeps each from holding, and how to mend it."""
        if self.sessions is not None:
            backend = self.sessions.backend
            return {"tier": str(backend.tier), "sessions": len(self.sessions), "memory_kept_by": backend.bounded_by}
        return {"tier": None, "why": self._why}

    async def close(self) -> None:
        """The sandbox ends with its tool, which the registry closes."""


def sandbox_config(section: PythonSection) -> SandboxConfig:
    """The sandbox that a section asks for."""
    from ...tools.sandbox import Limits, SandboxConfig, Tier
    from ...tools.sandbox.e2b.config import E2bConfig

    return SandboxConfig(
        tier=None if section.tier == "auto" else Tier(section.tier),
        preload=section.preload,
        limits=Limits(memory_mib=section.memory_mib, disk_mib=section.disk_mib),
        max_sessions=section.max_sessions,
        memory_mib=section.total_memory_mib,
        cgroup=section.cgroup,
        e2b=E2bConfig(**section.e2b.model_dump()),
    )


def _told(reports: Sequence[TierReport]) -> list[dict[str, str]]:
    return [{"tier": str(each.tier), "reason": each.reason, "remedy": each.remedy} for each in reports]
