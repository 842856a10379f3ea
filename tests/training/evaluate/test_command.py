"""`flyball eval` as a user runs it, against an HTTP server on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flyball.cli.evaluate import evaluate
from flyball.training.evaluate.report import load_report

Body = dict[str, Any]

_CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored
from flyball.cli.evaluate import evaluate
evaluate()
"""
_COMMAND = [sys.executable, "-c", _CODE]
_THIS_CHECKOUT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
_TRIMR = 'trimr={"controllers": [{"name": "trimr"}]}'


class Server(ThreadingHTTPServer):
    """Answers right for the arm with a flyball block and wrong without; `before` is called with each request's number."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Body] = []
        self.keys: set[str | None] = set()
        self.before: Callable[[int], None] = lambda number: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.respond({"data": [{"id": "pocket"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body)
        self.server.keys.add(self.headers["authorization"])
        self.server.before(len(self.server.requests))
        answer = body["messages"][0]["content"] if "flyball" in body else "0"
        message = {"content": f"\\boxed{{{answer}}}"}
        self.respond({"choices": [{"message": message, "finish_reason": "stop"}]})

    def respond(self, body: Body) -> None:
        content = json.dumps(body).encode()
        with suppress(ConnectionError):  # an interrupted client has left
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with four questions."""
    monkeypatch.chdir(tmp_path)
    questions = [{"id": f"q{number}", "question": f"{number}", "answer": f"{number}"} for number in range(1, 5)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    return tmp_path


def arguments(server: Server, *more: str) -> list[str]:
    return ["--url", server.url, "--questions", "q.jsonl", "--arm", "plain", "--arm", _TRIMR, *more]


def call(*words: str) -> Result:
    return CliRunner().invoke(evaluate, list(words))


def test_a_run_prints_a_table_and_saves_a_report(server: Server, folder: Path) -> None:
    """The better arm is better by 100 points; the model's name comes from the server; nothing else is left behind."""
    result = call(*arguments(server, "--grader", "boxed_exact", "--samples", "2", "--markdown", "table.md"))

    assert result.exit_code == 0, result.output
    assert "+100.0 [+100.0, +100.0]" in result.stdout
    report = load_report(folder / "eval.json")
    assert (report.complete, report.settings.model, len(report.rows)) == (True, "pocket", 16)
    assert [arm.accuracy for arm in report.summary.arms] == [0.0, 1.0]
    assert (folder / "table.md").read_text().startswith("|  | plain | trimr |")
    assert sorted(path.name for path in folder.iterdir()) == ["eval.json", "q.jsonl", "table.md"]


def test_the_default_grader_compares_mathematically(server: Server, folder: Path) -> None:
    """4 is 8/2."""
    (folder / "q.jsonl").write_text('{"id": "a", "question": "\\\\frac{8}{2}", "answer": 4}\n')
    result = call(*arguments(server))

    assert result.exit_code == 0, result.output
    assert [arm.accuracy for arm in load_report(folder / "eval.json").summary.arms] == [0.0, 1.0]


def test_arms_come_from_a_file_and_the_key_from_the_environment(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is sent and never saved."""
    monkeypatch.setenv("EVAL_KEY", "s3cret")
    (folder / "arms.toml").write_text('[[arms]]\nname = "cold"\nsampling = {temperature = 0.0}\n')
    result = call(
        *("--url", server.url, "--questions", "q.jsonl", "--arms", "arms.toml", "--arm", "warm", "--limit", "1"),
        *("--api-key-env", "EVAL_KEY", "--model", "m", "--sampling", '{"temperature": 1.0}', "--seed", "5"),
    )

    assert result.exit_code == 0, result.output
    assert sorted((body["model"], body["temperature"]) for body in server.requests) == [("m", 0.0), ("m", 1.0)]
    assert len({body["seed"] for body in server.requests}) == 1
    assert server.keys == {"Bearer s3cret"}
    assert "s3cret" not in (folder / "eval.json").read_text() + result.output


def test_a_server_that_is_not_there_makes_the_run_fail(folder: Path) -> None:
    """With --model the requests are sent, and each one's error is in the report."""
    with Server() as closed:
        url = closed.url
    result = call("--url", url, "--questions", "q.jsonl", "--arm", "plain", "--model", "m")

    assert result.exit_code == 1
    assert "every request failed" in result.output
    assert load_report(folder / "eval.json").summary.arms[0].errors == 4


# -- breaking off and resuming ----------------------------------------------------------------------------------------


@contextmanager
def stuck_after(server: Server, count: int, then: Callable[[], None]) -> Iterator[None]:
    """The server answers `count` requests; at the next one it calls `then` and does not answer."""
    release = threading.Event()

    def before(number: int) -> None:
        if number > count:
            if number == count + 1:
                then()
            release.wait(20)

    server.before = before
    try:
        yield
    finally:
        release.set()
        server.before = lambda number: None


@pytest.fixture
def broken_off(server: Server, folder: Path) -> Server:
    """A run in which Ctrl-C was pressed while the sixth of eight requests was under way."""
    command = [*_COMMAND, *arguments(server, "--grader", "boxed_exact", "--concurrency", "1")]
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def interrupt() -> None:
        assert started.wait(20)
        running[0].send_signal(signal.SIGINT)

    with stuck_after(server, 5, interrupt):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=_THIS_CHECKOUT
        )
        running.append(process)
        started.set()
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "BROKEN OFF: 3 more" in output
    assert "not graded yet: 1" in output
    server.requests.clear()
    return server


def resume(server: Server, *more: str) -> Result:
    return call(*arguments(server, "--grader", "boxed_exact", "--concurrency", "1", "--resume", *more))


def test_ctrl_c_saves_what_is_done(broken_off: Server, folder: Path) -> None:
    """Five rows; the figures are over the one question that both arms have answered."""
    report = load_report(folder / "eval.json")

    assert (report.complete, len(report.rows), report.summary.questions) == (False, 5, 1)


def test_a_resumed_run_asks_only_the_rest(broken_off: Server, folder: Path) -> None:
    """The report is that of a run that was never broken off."""
    result = resume(broken_off)

    assert result.exit_code == 0, result.output
    assert [body["messages"][0]["content"] for body in broken_off.requests] == ["2", "3", "4"]
    report = load_report(folder / "eval.json")
    assert (report.complete, len({row.key for row in report.rows}), len(report.rows)) == (True, 8, 8)
    assert [arm.accuracy for arm in report.summary.arms] == [0.0, 1.0]
    clocks = {arm.arm: [clock.requests for clock in arm.wall_clocks] for arm in report.summary.arms}
    assert clocks == {"plain": [4], "trimr": []}  # a block that was broken off has no time of its own
    assert not (folder / "eval.json.partial").exists()


def test_other_settings_resume_nothing(broken_off: Server, folder: Path) -> None:
    """The error names what differs, and the partial run stays as it is."""
    before = (folder / "eval.json.partial").read_bytes()
    result = resume(broken_off, "--seed", "1")

    assert result.exit_code == 1
    assert "other settings: seed" in result.output
    assert broken_off.requests == []
    assert (folder / "eval.json.partial").read_bytes() == before


def test_a_new_run_does_not_overwrite_a_partial_one(broken_off: Server, folder: Path) -> None:
    """Hours of work are not lost by a forgotten option."""
    result = call(*arguments(broken_off))

    assert result.exit_code == 1
    assert "--resume" in result.output
    assert broken_off.requests == []


def test_a_row_that_was_cut_by_a_crash_is_asked_again(broken_off: Server, folder: Path) -> None:
    """The process may end in the middle of a line."""
    partial = folder / "eval.json.partial"
    os.truncate(partial, partial.stat().st_size - 10)
    result = resume(broken_off)

    assert result.exit_code == 0, result.output
    assert len(broken_off.requests) == 4
    assert len(load_report(folder / "eval.json").rows) == 8


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b'{"model": 3}\n'])
def test_a_file_that_is_no_partial_run_is_refused(server: Server, folder: Path, content: bytes) -> None:
    """It is left alone."""
    (folder / "eval.json.partial").write_bytes(content)
    result = resume(server)

    assert result.exit_code == 1
    assert "no partial run" in result.output
    assert (folder / "eval.json.partial").read_bytes() == content


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--arm", "a"], "either --url or --serve"),
        (["--arm", "a", "--url", "http://x/v1", "--serve", "m"], "either --url or --serve"),
        (["--url", "http://x/v1"], "no arms"),
        (["--arm", "a", "--url", "http://x/v1", "--resume"], "to resume"),
        (["--arm", "a", "--url", "http://x/v1", "--grader", "nothing"], "no grader"),
        (["--arm", "a", "--url", "http://x/v1", "--sampling", "[]"], "--sampling"),
        (["--arm", "a", "--url", "http://x/v1", "--api-key-env", "FLYBALL_NOT_SET"], "FLYBALL_NOT_SET"),
        (["--arm", "a", "--url", "http://127.0.0.1:1/v1"], "give --model"),
        (["--arm", "a", "--url", "http://x/v1", "--out", "nowhere/eval.json"], "no folder nowhere"),
        (["--arm", "a", "--url", "http://x/v1", "--plot", "nowhere/p.png"], "no folder nowhere"),
        (["--arm", "a", "--url", "http://x/v1", "--plot", "p.txt"], "must end in"),
        (["--arm", "a", "--url", "http://x/v1", "--price", "1"], "--price"),
        (["--arm", "a", "--url", "http://x/v1", "--concurrency", "8,8"], "--concurrency"),
        (["--arm", "a", "--url", "http://x/v1", "--concurrency", "0"], "--concurrency"),
        (["--arm", "a", "--url", "http://x/v1", "--reader", "gsm9k"], "no reader"),
        (["--arm", "a", "--url", "http://x/v1", "--model", "m", "--baselines"], "nothing to compare"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(folder: Path, words: list[str], complaint: str) -> None:
    """In one line, before anything is asked, with no file left behind."""
    result = call("--questions", "q.jsonl", *words)

    assert result.exit_code == 1
    assert complaint in result.output
    assert [path.name for path in folder.iterdir()] == ["q.jsonl"]


# -- grading anew -----------------------------------------------------------------------------------------------------


def test_a_finished_run_is_graded_anew_without_asking(server: Server, folder: Path) -> None:
    """By another grader, and with no server to ask: the boxed numbers are the plain arm's 0 and the other's right ones."""
    call(*arguments(server, "--grader", "boxed_exact"))
    server.requests.clear()
    result = call(*arguments(server, "--grader", "flyball.training.evaluate.graders.numeric.Numeric", "--resume"))

    assert result.exit_code == 0, result.output
    assert server.requests == []
    report = load_report(folder / "eval.json")
    assert {row.grader for row in report.rows} == {"flyball.training.evaluate.graders.numeric.Numeric"}
    assert [arm.accuracy for arm in report.summary.arms] == [0.0, 1.0]
    assert not (folder / "eval.json.partial").exists()


def test_a_finished_run_of_other_settings_is_refused(server: Server, folder: Path) -> None:
    """Its report stays as it is."""
    call(*arguments(server, "--grader", "boxed_exact"))
    before = (folder / "eval.json").read_bytes()
    result = call(*arguments(server, "--samples", "2", "--resume"))

    assert result.exit_code == 1
    assert "other settings: samples" in result.output
    assert (folder / "eval.json").read_bytes() == before


def test_a_grader_that_fails_leaves_rows_ungraded_until_they_are_graded_anew(server: Server, folder: Path) -> None:
    """Dividing a text by a text is a TypeError; the responses are kept, and graded by the next one."""
    result = call(*arguments(server, "--grader", "operator.truediv"))

    assert result.exit_code == 0, result.output
    assert "ungraded, 4 times: plain: grader: TypeError" in result.output
    arms = load_report(folder / "eval.json").summary.arms
    assert [(arm.accuracy, arm.ungraded, arm.bounds) for arm in arms] == [(None, 4, (0.0, 1.0))] * 2

    call(*arguments(server, "--grader", "boxed_exact", "--resume"))
    arms = load_report(folder / "eval.json").summary.arms
    assert [(arm.accuracy, arm.ungraded) for arm in arms] == [(0.0, 0), (1.0, 0)]


def test_help_loads_nothing_heavy() -> None:
    """`flyball --help` imports every command's module."""
    heavy = "numpy scipy httpx rich msgspec sqlalchemy asyncio"
    code = f"import sys, flyball.cli.evaluate; print([n for n in {heavy.split()} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)

    assert found.stdout.strip() == "[]"
