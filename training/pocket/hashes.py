"""The frozen files of the world: their hashes, and whether a folder still holds them."""

import hashlib
from pathlib import Path

SUMS = "SHA256SUMS"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """Path to SHA-256 for every file under the folder, without the list of sums itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def freeze(folder: Path) -> None:
    """Writes SHA256SUMS, in the form that `sha256sum --check` reads."""
    lines = [f"{digest}  {name}\n" for name, digest in hashes(folder).items()]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def frozen(folder: Path) -> dict[str, str]:
    """Path to SHA-256 as SHA256SUMS has them."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def verify(folder: Path) -> list[str]:
    """What is wrong with the files of a frozen folder, one sentence each; empty when nothing is."""
    if not (folder / SUMS).is_file():
        return [f"{folder} holds no {SUMS}"]
    wanted, found = frozen(folder), hashes(folder)
    missing = [f"{name} is missing" for name in wanted if name not in found]
    changed = [f"{name} has changed" for name in wanted if name in found and found[name] != wanted[name]]
    unknown = [f"{name} does not belong here" for name in found if name not in wanted]
    return missing + changed + unknown
