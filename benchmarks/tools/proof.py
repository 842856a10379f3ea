"""What tools are worth on world-v1, asked through `flyball eval`: `make bench-tools`.

Writes tools_world.json, and tools.md from it and from the figures of the sandbox and of retrieval.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from benchmarks.overhead.machine import machine
from flyball.training.evaluate.report import load_report
from flyball.training.evaluate.table import markdown

from .page import render

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SETS = ("big", "two_hop", "mixed")
SAMPLING = '{"temperature": 0, "max_tokens": 1500}'


def ask(name: str, count: int, cache: Path) -> dict[str, Any]:
    """One set of questions, all its arms; a run that was broken off goes on."""
    questions, out = cache / f"{name}.jsonl", cache / f"{name}.json"
    _flyball("pocket", "questions", "--set", name, "--split", "test", "--n", str(count), "--out", str(questions))
    arguments = ["eval", "--serve", "pocket", "--questions", str(questions), "--grader", "boxed_exact"]
    arguments += ["--arms", str(HERE / "world" / f"{name}.toml"), "--sampling", SAMPLING, "--concurrency", "32"]
    arguments += ["--out", str(out)]
    _flyball(*arguments, *["--resume"] * Path(f"{out}.partial").exists())
    report = load_report(out)
    words = [Path(word).name if word.startswith("/") else word for word in arguments]
    return {
        "command": shlex.join(["flyball", *words]),
        "settings": msgspec.to_builtins(report.settings),
        "versions": report.versions,
        "summary": msgspec.to_builtins(report.summary),
        "table": markdown(report),
    }


def _flyball(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("flyball")), *arguments], check=True)


@click.command()
@click.option("--questions", default=1000, show_default=True, type=click.IntRange(1), help="Of each set.")
@click.option("--out", type=click.Path(path_type=Path), default=HERE.parent, help="Where the files go.")
@click.option("--page", is_flag=True, help="Only write tools.md again, from the figures that are there.")
def main(questions: int, out: Path, page: bool) -> None:
    figures = out / "tools_world.json"
    if not page:
        cache = ROOT / ".cache" / "bench" / "tools" / str(questions)
        cache.mkdir(parents=True, exist_ok=True)
        setting = machine()
        found = {name: ask(name, questions, cache) for name in SETS}
        figures.write_text(json.dumps({"machine": setting, "sets": found}, indent=1) + "\n")
    sources = [json.loads(path.read_text()) for path in (figures, out / "tool_retrieval.json", out / "sandbox.json")]
    (out / "tools.md").write_text(render(*sources))


if __name__ == "__main__":
    main()
