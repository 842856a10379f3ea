"""The benchmark's own parts: a wrong load generator or a wrong ratio would be believed."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from benchmarks.overhead import plot, report
from benchmarks.overhead.arms import ARM_NAMES, make_bench
from benchmarks.overhead.goals import GOALS, Goal, throughput
from benchmarks.overhead.load import LoadError, Target, check_tokens, drive
from benchmarks.overhead.processes import end, look
from benchmarks.overhead.results import Cell, Growth, Result
from benchmarks.overhead.run import main
from benchmarks.overhead.settings import Settings
from benchmarks.overhead.stats import Estimate, collapses, estimate, ratio
from benchmarks.overhead.workload import bodies

from .fake_server import FakeServer, plain, stream

BODY = json.dumps({"model": "bench"}).encode()


def a_cell(arm: str, repeat: int, rate: float, *, streaming: bool = False) -> Cell:
    return Cell(
        arm=arm,
        repeat=repeat,
        turn=0,
        concurrency=16,
        streaming=streaming,
        requests=96,
        seconds=96 / rate,
        requests_per_s=rate,
        tokens_per_s=64 * rate,
        latency_p50_ms=16_000 / rate,
        tpot_p50_ms=None,
        ttft_p50_ms=1_000 / rate if streaming else None,
        ttft_p95_ms=2_000 / rate if streaming else None,
        events_p50=67.0 if streaming else 0.0,
        server_cpu_s_per_1k=0.2,
        upstream_cpu_s_per_1k=0.0,
        client_cores=0.05,
        other_cores=0.0,
    )


def a_result(cells: list[Cell]) -> Result:
    titles = {"vllm": "vLLM's own server", "flyball": "Flyball, engine in process"}
    return Result(
        command="python -m benchmarks.overhead.run",
        machine={"cores": "2"},
        versions={"vllm": "0.32.0"},
        settings={"tokens": 64, "model": "world-v1"},
        titles=titles,
        start_seconds={"vllm": 12.0},
        idle_cores={"vllm": 0.01},
        cells=cells,
        growth=[Growth("flyball", 1000, 500.0, 501.5, 40, 41)],
    )


async def test_plain_answers_are_timed_and_counted_over_kept_connections() -> None:
    """Twelve requests of four clients use four connections, four requests at a time."""
    async with FakeServer(plain(64), together=4).running() as server:
        samples = await drive(Target("127.0.0.1", server.port), [BODY] * 12, 4, streaming=False)

    assert [sample.tokens for sample in samples] == [64] * 12
    assert all(sample.latency > 0 and sample.ttft is None for sample in samples)
    assert (len(server.bodies), server.connections) == (12, 4)


async def test_a_stream_gives_its_first_text_its_events_and_its_usage() -> None:
    """The opening chunk with the role is not the first text, and chunks may end anywhere."""
    async with FakeServer(stream(64)).running() as server:
        (sample,) = await drive(Target("127.0.0.1", server.port), [BODY], 1, streaming=True)

    assert (sample.tokens, sample.events) == (64, 1 + 64 + 2)
    assert sample.ttft is not None
    assert 0 < sample.ttft < sample.latency


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        *((text, False) for text in ("\n", " \n\t", "<think>", "<think>\n")),
        *((text, True) for text in ("\n\nx", '"', "\\", "é", "<think>\nx", "<", "</think>")),
    ],
)
async def test_the_first_text_is_one_that_somebody_reads(text: str, seen: bool) -> None:
    """Some servers send <think> and the line break behind it, some leave them out: they count for nobody."""
    async with FakeServer(stream(8, text)).running() as server:
        (sample,) = await drive(Target("127.0.0.1", server.port), [BODY], 1, streaming=True)

    assert (sample.ttft is not None) is seen


async def test_a_connection_that_the_server_ends_is_made_anew() -> None:
    """A server of HTTP/1.0, whose answers end with the connection, gets a connection for each request."""
    pieces = [b'HTTP/1.0 200 OK\r\n\r\n{"usage": {"completion_tokens": 64}}']
    async with FakeServer(pieces, keep_alive=False).running() as server:
        samples = await drive(Target("127.0.0.1", server.port), [BODY] * 3, 1, streaming=False)

    assert ([sample.tokens for sample in samples], server.connections) == ([64] * 3, 3)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [(plain(64, "500 Internal Server Error"), "status 500"), ([], "closed a connection before it answered")],
)
async def test_an_answer_that_is_none_ends_the_run(pieces: list[bytes], message: str) -> None:
    """An error status and a closed connection are never counted as requests."""
    async with FakeServer(pieces, keep_alive=False).running() as server:
        with pytest.raises(LoadError, match=message):
            await drive(Target("127.0.0.1", server.port), [BODY] * 4, 2, streaming=False)


async def test_a_short_answer_is_refused() -> None:
    """An answer of fewer tokens would make a server look fast."""
    async with FakeServer(plain(63)).running() as server:
        samples = await drive(Target("127.0.0.1", server.port), [BODY], 1, streaming=False)

    with pytest.raises(LoadError, match="did not report 64 tokens, for example 63"):
        check_tokens(samples, 64)


def test_every_arm_gets_the_same_texts_behind_an_opening_of_its_own() -> None:
    """The opening keeps an arm from finding another arm's prompt in the prefix cache."""
    settings = Settings(model=Path("model"))
    ours, theirs = (
        [json.loads(body) for body in bodies(settings, {"ignore_eos": True}, 5, streaming=True, salt=salt)]
        for salt in ("ours", "theirs")
    )

    prompts = [[request["messages"][0]["content"] for request in requests] for requests in (ours, theirs)]
    assert [prompt[8:] for prompt in prompts[0]] == [prompt[8:] for prompt in prompts[1]]
    assert not {prompt[:8] for prompt in prompts[0]} & {prompt[:8] for prompt in prompts[1]}
    assert all(request["ignore_eos"] and request["stream_options"] == {"include_usage": True} for request in ours)


def test_an_arm_brings_the_server_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy alone still needs vLLM's server, and gets its address."""
    for name in ("VLLM_ENABLE_V1_MULTIPROCESSING", "OMP_NUM_THREADS", "VLLM_CPU_KVCACHE_SPACE"):
        monkeypatch.setenv(name, "1")
    bench = make_bench(Settings(model=tmp_path, engine_args={"max_model_len": 512}), tmp_path, tmp_path)

    proxied = bench.only(["flyball-openai"])

    assert set(bench.arms) == set(ARM_NAMES)
    assert set(proxied.servers) == {"vllm", "flyball-openai"}
    assert f"http://127.0.0.1:{proxied.servers['vllm'].port}/v1" in proxied.servers["flyball-openai"].command


def test_a_ratio_is_taken_within_each_repeat() -> None:
    """A repeat in which the machine was half as fast does not widen the ratio."""
    cells = [a_cell("vllm", number, rate) for number, rate in enumerate((100.0, 50.0, 100.0))]
    cells += [a_cell("flyball", number, rate) for number, rate in enumerate((110.0, 55.0, 110.0))]

    seen = ratio(cells, throughput, "flyball", "vllm", 16, False)

    assert seen is not None
    assert (seen.median, seen.low, seen.high) == pytest.approx((1.1, 1.1, 1.1))


def test_an_interval_holds_its_median_and_grows_with_the_spread() -> None:
    """The interval is bootstrapped from the repeats; without repeats there is none."""
    narrow, wide = estimate([9.0, 10.0, 10.0, 10.0, 11.0]), estimate([1.0, 5.0, 10.0, 15.0, 20.0])

    assert narrow is not None and wide is not None
    assert narrow.low <= narrow.median <= narrow.high
    assert wide.high - wide.low > narrow.high - narrow.low
    assert estimate([]) is None


def test_a_collapsed_repeat_is_named_and_kept() -> None:
    """Below a third of its arm's median throughput."""
    cells = [a_cell("vllm", number, rate) for number, rate in enumerate((110.0, 105.0, 16.0, 108.0, 111.0))]

    found = collapses(cells)

    assert [(item.cell.repeat, item.usual) for item in found] == [(2, 108.0)]
    text = report.render(a_result(cells), "", "plot.png")
    assert "repeat 3: 16.0 requests/s; its median is 108.0" in text


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Estimate(1.05, 1.01, 1.10, 5), "met"),
        (Estimate(1.00, 0.97, 1.04, 5), "open"),
        (Estimate(0.90, 0.88, 0.92, 5), "not met"),
        (Estimate(1.05, 1.05, 1.05, 1), "open"),
        (None, "not measured"),
    ],
)
def test_a_goal_is_judged_by_the_whole_interval(seen: Estimate | None, verdict: str) -> None:
    """An interval across the bound decides nothing, and neither does a single repeat."""
    assert GOALS[0].judge(seen) == verdict


def test_the_goals_against_proxies_hold_for_streamed_and_plain_answers() -> None:
    goal = next(goal for goal in GOALS if goal.baseline == "optillm")

    assert [goal.applies(streaming) for streaming in (False, True)] == [True, True]


def test_a_goal_may_bound_from_above() -> None:
    """Of a time, less is better."""
    goal = Goal("first text", "flyball", "vllm", throughput, 1.0, False)

    assert goal.judge(Estimate(0.9, 0.8, 0.95, 5)) == "met"
    assert goal.judge(Estimate(1.2, 1.1, 1.3, 5)) == "not met"


def test_a_result_read_back_gives_the_same_report_and_a_plot(tmp_path: Path) -> None:
    """Report and plot are made from the JSON alone."""
    cells = [
        a_cell(arm, number, 100.0 + number, streaming=kind)
        for number in range(3)
        for arm in ("vllm", "flyball")
        for kind in (False, True)
    ]
    result = a_result(cells)
    result.save(tmp_path / "overhead.json")
    notes = tmp_path / "notes.md"
    notes.write_text("## Where the time goes\n\nNowhere.", encoding="utf-8")

    read = Result.load(tmp_path / "overhead.json")
    plot.draw(read, tmp_path / "overhead.png")
    text = report.write(read, tmp_path, notes).read_text(encoding="utf-8")

    assert read == result
    assert "| Flyball serves as many requests as vLLM's own server | ≥ 1x | 1.00x<br>**met** |" in text
    assert "| Flyball, engine in process | 1,000 | 500 → 502 (+1.5) | 40 → 41 (+1) |" in text
    assert "Nowhere." in text
    assert (tmp_path / "overhead.png").read_bytes().startswith(b"\x89PNG")


def test_a_tree_is_measured_and_ended_whole() -> None:
    """A server's children end with it."""
    process = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    usage = look(process.pid)

    end(process)
    process.stdout.close()

    assert set(usage.cpu_seconds) == {process.pid, child}
    assert usage.rss_bytes > 0
    assert (
        not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    )  # nobody reaps it here


def test_cpu_time_of_a_process_that_began_later_counts() -> None:
    """The difference of two looks holds children that were started in between."""
    before = look(os.getpid())
    later: Mapping[int, float] = {**before.cpu_seconds, -1: 2.0}

    assert type(before)(later, 0, 0).cpu_since(before) == pytest.approx(2.0)


@pytest.mark.parametrize("arguments", [["--arms", "vllm,nothing"], ["--controllers", "{}"], ["--engine-args", "nope"]])
def test_options_that_mean_nothing_are_refused(arguments: list[str]) -> None:
    """Before any server is started."""
    assert CliRunner().invoke(main, arguments).exit_code == 2
