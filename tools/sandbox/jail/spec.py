"""What the host tells the zygote when it starts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..limits import Limits
from ..tiers import Tier


@dataclass(frozen=True)
class JailSpec:
    """The wall that every session of one zygote stands behind, and the modules that it finds loaded."""

    tier: Tier
    limits: Limits
    preload: tuple[str, ...]
    first_uid: int
    """A session started by root runs as this user id plus its slot, so no two share one."""

    def encode(self) -> bytes:
        """As it goes to the zygote."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, body: bytes) -> JailSpec:
        """As the zygote reads it."""
        values = json.loads(body)
        return cls(Tier(values["tier"]), Limits(**values["limits"]), tuple(values["preload"]), values["first_uid"])
