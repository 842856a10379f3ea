"""Prints the best tier, or why there is none, where system calls fail: `python in_container.py CALL...`.

Containers forbid some calls by a filter like this one.
"""

from __future__ import annotations

import asyncio
import errno
import platform
import sys

from flyball.core.errors import SandboxUnavailable
from flyball.tools.sandbox import best_tier
from flyball.tools.sandbox.jail import seccomp

NUMBERS = {
    "x86_64": {"unshare": 272, "mount": 165, "landlock_create_ruleset": 444},
    "aarch64": {"unshare": 97, "mount": 40, "landlock_create_ruleset": 444},
}


async def main(calls: list[str]) -> None:
    try:
        print(f"best: {await best_tier()}")
    except SandboxUnavailable as error:
        print(error)


if __name__ == "__main__":
    sys.modules["pydantic_monty"] = None  # type: ignore[assignment]  # else its tier holds, whatever the kernel refuses
    numbers = NUMBERS[platform.machine()]
    program = seccomp.begin()
    for call in sys.argv[1:]:
        program += seccomp.refuse(numbers[call], errno.EPERM)
    seccomp.Filter([*program, seccomp.give(seccomp.ALLOW)]).install()
    asyncio.run(main(sys.argv[1:]))
