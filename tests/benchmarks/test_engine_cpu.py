"""The parts of the engine benchmark: orders, figures and tables; the engines are scripted or a shell."""

import asyncio
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.engine_cpu import report
from benchmarks.engine_cpu.arms import DEFAULT, MANY, PLACES, RESUMED, SERIAL, Arm, make_arms
from benchmarks.engine_cpu.engines import Worker, WorkerError, busy_seconds, neighbour
from benchmarks.engine_cpu.results import Cell, Result, Spread
from benchmarks.engine_cpu.settings import Settings
from benchmarks.engine_cpu.worker import burst, resumed
from flyball.core.engine import EngineRequest
from flyball.server.engines.scripted import ScriptedEngine


def forever(request: EngineRequest) -> Iterable[int]:
    return [5] * 1000


def a_result(*cells: Cell) -> Result:
    arms = make_arms()
    return Result(
        command="python -m benchmarks.engine_cpu.run",
        machine={"cores": "2"},
        versions={"vllm": "0.32.0"},
        settings=asdict(Settings(model=Path("m"), repeats=2)) | {"model": "chain-v0"},
        titles={cell.arm: arms[cell.arm].title for cell in cells},
        start_seconds={cell.arm: 12.0 for cell in cells},
        cells=cells,
    )


def a_cell(arm: str, repeat: int, tokens_per_s: float) -> Cell:
    figures = {"tokens_per_s": tokens_per_s, "requests_per_s": tokens_per_s / 64, "cpu_s_per_1k": 0.1}
    return Cell(arm, MANY.name, repeat, 0, {**figures, "latency_ms": 9.0, "first_ms": 3.0, "other_cores": 0.1})


async def test_a_burst_keeps_as_many_calls_running_as_it_was_told() -> None:
    """No call is answered until four are there: fewer at once would wait for ever."""
    together, waiting = asyncio.Event(), 0

    async def four() -> None:
        await together.wait()

    def gate(request: EngineRequest, delta: int) -> asyncio.Future[None] | None:
        nonlocal waiting
        waiting += delta == 0
        if waiting >= 4:
            together.set()
        return asyncio.ensure_future(four())

    engine = ScriptedEngine(forever, eos_ids=[], gate=gate)
    async with asyncio.timeout(5):
        figures = await burst(engine, salt="s", concurrency=4, requests=9, prompt_tokens=6, tokens=3)

    assert len(engine.requests) == 9
    assert len({tuple(request.ids) for request in engine.requests}) == 9
    assert figures["tokens_per_s"] == pytest.approx(3 * figures["requests_per_s"])
    assert 0 < figures["first_ms"] <= figures["latency_ms"]


async def test_answers_of_another_length_are_not_measured() -> None:
    """They would make an engine look fast."""
    with pytest.raises(RuntimeError, match="3 tokens"):
        await burst(
            ScriptedEngine(lambda _: [5], eos_ids=[]), salt="s", concurrency=1, requests=1, prompt_tokens=6, tokens=3
        )


async def test_a_resumed_call_shares_all_ids_up_to_the_edit_and_no_more() -> None:
    """What the engine held of the second call of each pair is what counts."""
    engine = ScriptedEngine(forever, eos_ids=[])
    figures = await resumed(engine, salt="s", times=2, length=20, edit_at=12)

    first, edited, other, _ = (request.ids for request in engine.requests)
    assert (first[:12], len(edited)) == (edited[:12], 20)
    assert first[12:] != edited[12:]
    assert first != other
    assert figures["cached_tokens"] == 10  # the scripted engine says half


def test_a_worker_answers_an_order_with_a_line_and_its_end_is_an_error(tmp_path: Path) -> None:
    """The error carries the end of the worker's log."""
    log = tmp_path / "log"
    log.write_text("out of memory")
    command = ["sh", "-c", """read line; echo '{"seconds": 2}'"""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        worker = Worker(Arm("arm", "An arm", PLACES), process, log)
        assert worker.order(salt="s") == {"seconds": 2}
        with pytest.raises(WorkerError, match="out of memory"):
            worker.answer()


def test_the_neighbour_is_busy_and_ends() -> None:
    """It spends CPU time while it is wanted; nothing is started otherwise."""
    with neighbour(False):
        pass
    before = busy_seconds()
    with neighbour(True):
        deadline = asyncio.run(_until_busy(before))
    assert deadline


async def _until_busy(before: float) -> bool:
    async with asyncio.timeout(5):
        while busy_seconds() - before < 0.05:
            await asyncio.sleep(0.01)  # another process: there is no event to wait for
    return True


def test_the_default_is_measured_wherever_another_arm_is() -> None:
    """A ratio needs it."""
    arms = make_arms()
    default = arms.pop(DEFAULT)
    assert all(set(arm.places) <= set(default.places) for arm in arms.values())
    for question in report.QUESTIONS:
        measured = {place for name in question.arms for place in (arms.get(name, default)).places}
        assert {place for place, _ in question.columns} <= measured


def test_a_spread_is_the_median_and_the_range() -> None:
    """Of nothing there is none; of one value it is the value alone."""
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of([]) is None
    assert (Spread(1.0, 0.9, 1.2).show(".2f", "x"), Spread(5.0, 5.0, 5.0).show(".0f")) == ("1.00x (0.90-1.20)", "5")


def test_a_ratio_is_taken_within_each_repeat() -> None:
    """A repeat in which the machine was half as fast does not widen it."""
    cells = [a_cell(DEFAULT, 0, 100.0), a_cell(DEFAULT, 1, 50.0), a_cell("eager", 0, 80.0), a_cell("eager", 1, 40.0)]
    assert a_result(*cells).ratio("tokens_per_s", "eager", DEFAULT, MANY.name) == Spread(0.8, 0.8, 0.8)


def test_a_result_read_back_gives_the_same_report_of_the_questions_that_were_asked(tmp_path: Path) -> None:
    """A question with one arm is none; what was not measured is a dash."""
    cells = [a_cell(arm, repeat, 1000.0) for arm in (DEFAULT, SERIAL) for repeat in range(2)]
    result = a_result(*cells)
    result.save(tmp_path / "engine_cpu.json")

    text = report.render(Result.load(tmp_path / "engine_cpu.json"))

    assert text == report.render(result)
    assert "## One call after another" in text and "## Block size" not in text
    assert "| one call after another (`max_num_seqs` 1) | - | 15.6<br>1.00x | - | 9<br>1.00x |" in text
    assert [table.title for table in report.tables(result)] == ["One call after another"]
    assert RESUMED.name not in text
