"""The parts of the page on disk, one file a study."""

from pathlib import Path

import msgspec

from .findings import Part


def save_part(part: Part, folder: Path) -> None:
    """Write the part, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part.study}.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(part), indent=1) + b"\n")
    temporary.replace(path)


def load_parts(folder: Path) -> dict[str, Part]:
    """Those that are there, by study."""
    found = [msgspec.json.decode(path.read_bytes(), type=Part) for path in sorted(folder.glob("*.json"))]
    return {part.study: part for part in found}
