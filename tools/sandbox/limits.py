"""How much one session may use."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """What the kernel, the session and the host keep a session to; each must be at least 1.

    Example: `Limits(memory_mib=256)` lets a session allocate 256 MiB beyond what the preloaded modules take.
    """

    memory_mib: int = 512
    """Memory that a session may allocate, in MiB; beyond it, Python raises MemoryError."""
    disk_mib: int = 64
    """What its working directory may hold, in MiB (tier A; tier B has no working directory)."""
    files: int = 4096
    """Files and folders that its working directory may hold."""
    threads: int = 64
    """Threads at once."""
    descriptors: int = 128
    """Open files at once."""
    cpu_seconds: int = 3600
    """Processor time over the session's whole life; at the limit it is killed."""
    code_chars: int = 1 << 20
    """Characters that the code of one cell may have."""
    output_chars: int = 65_536
    """Characters kept of each of stdout and stderr of a cell; the middle of more is cut out."""
    value_chars: int = 16_384
    """Characters kept of the value of a cell's last expression, and of an error's text."""
    images: int = 8
    """Pictures that a cell may return."""
    image_bytes: int = 4 << 20
    """Size of all pictures of one cell, in bytes."""
    image_pixels: int = 1 << 24
    """Width times height of one picture: a small file may claim to be a huge one."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} must be at least 1, not {getattr(self, field.name)}")

    @property
    def reply_bytes(self) -> int:
        """More than an honest reply to one cell can take on the wire: what sends more has broken the protocol."""
        characters = 4 * self.output_chars + 4 * self.value_chars
        return 6 * characters + 2 * self.image_bytes + (1 << 20)  # JSON writes a character in at most 6 bytes
