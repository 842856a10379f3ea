"""`flyball eval` against the real application with a scripted engine: baselines, prices, wall-clock, plot, resuming.

The scripted model thinks the same every time and answers 42, or, to "vote", 41 in a request's first trajectory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flyball.cli.evaluate import evaluate
from flyball.training.evaluate.report import Report, load_report

from ...server.serving import Served, serving

VOTING = 'voting={"strategy": {"name": "self_consistency", "n": 3, "stop_when_decided": false}}'
CUT = 'cut={"controllers": [{"name": "thinking_budget", "tokens": 3}]}'


@pytest.fixture(scope="module")
def priced() -> Iterator[Served]:
    """A server with prices: 1 dollar per million tokens in, 10 out."""
    with serving(model={"name": "pocket", "price": {"input": 1, "output": 10}}) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two questions."""
    monkeypatch.chdir(tmp_path)
    questions = [
        {"id": "a", "question": "Six times seven?", "answer": "42"},
        {"id": "b", "question": "vote", "answer": "42"},
    ]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    return tmp_path


def call(served: Served, *words: str) -> Result:
    arguments = [
        "--url",
        f"{served.url}/v1",
        "--questions",
        "q.jsonl",
        "--grader",
        "boxed_exact",
        "--arm",
        "plain",
        *words,
    ]
    return CliRunner().invoke(evaluate, arguments)


def made(result: Result, folder: Path) -> Report:
    assert result.exit_code == 0, result.output
    return load_report(folder / "eval.json")


def test_an_arm_stands_beside_its_baselines(priced: Served, folder: Path) -> None:
    """Three voting samples say 41, 42, 42 where plain says 41: right on both questions; the votes of single requests say 41."""
    before = len(priced.engine.requests)
    report = made(call(priced, "--arm", VOTING, "--baselines", "--markdown", "t.md", "--plot", "p.png"), folder)
    plain, voting = report.summary.arms
    capped, silent, vote = report.summary.baselines

    assert (plain.accuracy, voting.accuracy) == (0.5, 1.0)
    assert plain.kept is not None and plain.thinking is not None
    assert (voting.kept, voting.thinking) == (3 * plain.kept, 3 * plain.thinking)
    assert [(each.kind, each.parent) for each in (capped, silent, vote)] == [
        ("capped", "voting"),
        ("no_thinking", "voting"),
        ("vote", "voting"),
    ]
    assert (capped.allowed, capped.thinking) == (3 * plain.thinking, plain.thinking)  # the cap cuts nothing off
    assert silent.thinking == 0 and silent.kept is not None and silent.kept < plain.kept
    assert (vote.allowed, vote.votes, vote.sampled) == (round(voting.total or 0), 3.0, voting.total)
    assert [each.verdict for each in voting.against] == ["ties", "ties", "ties"]  # two questions are few
    assert [each.difference for each in voting.against] == [0.5, 0.5, 0.5]
    # plain 2, voting 6, capped 2, no thinking 2; of the votes' six samples two were plain's
    assert len(priced.engine.requests) - before == 2 + 6 + 2 + 2 + 4
    text = (folder / "t.md").read_text()
    assert "| beside its capped baseline | - | ties the capped baseline |" in text
    assert "| voting · vote |" in text and "### Iso-token baselines" in text and "(p.png)" in text
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")


def test_dollars_come_from_the_ledger_or_the_price(priced: Served, folder: Path) -> None:
    """The server's own figure, in whole millionths, is that of the same price; twice the price is twice as much."""
    by_ledger = made(call(priced), folder).summary.arms[0]
    by_price = made(call(priced, "--price", "input=2,output=20"), folder).summary.arms[0]

    assert by_ledger.prompt is not None and by_ledger.kept is not None and by_ledger.usd is not None
    assert by_ledger.usd == pytest.approx((by_ledger.prompt * 1 + by_ledger.kept * 10) / 1e6, abs=1e-6)
    assert by_price.usd == pytest.approx(2 * by_ledger.usd, abs=2e-6)
    assert by_ledger.usd_correct == pytest.approx(2 * by_ledger.usd)  # one of two is right


def test_baselines_are_added_to_a_finished_run(priced: Served, folder: Path) -> None:
    """Only they are asked; the cut arm's cap is its own budget, so that it is its own twin and nothing is asked for it."""
    made(call(priced, "--arm", CUT), folder)
    before = len(priced.engine.requests)
    report = made(call(priced, "--arm", CUT, "--baselines", "--resume"), folder)

    capped, _silent, vote = report.summary.baselines
    assert capped.allowed == 3
    assert (capped.thinking, capped.accuracy) == (report.summary.arms[1].thinking, report.summary.arms[1].accuracy)
    assert vote.votes == 1.0
    assert len(priced.engine.requests) - before == 2  # no thinking
    again = made(call(priced, "--arm", CUT, "--baselines", "--resume"), folder)
    assert len(priced.engine.requests) - before == 2
    assert again.summary == report.summary


def test_every_arm_is_timed_at_every_concurrency(priced: Served, folder: Path) -> None:
    """The first figure's responses are graded, the others only timed; latency and throughput belong together."""
    before = len(priced.engine.requests)
    result = call(priced, "--arm", CUT, "--concurrency", "2,1")
    report = made(result, folder)

    assert len(report.rows) == 4
    assert len(priced.engine.requests) - before >= 8
    for arm in report.summary.arms:
        assert [(clock.concurrency, clock.requests, clock.failed) for clock in arm.wall_clocks] == [
            (1, 2, 0),
            (2, 2, 0),
        ]
        assert all(clock.per_second == pytest.approx(2 / clock.seconds) for clock in arm.wall_clocks)
        one = arm.wall_clocks[0]
        assert one.latency_p50 is not None and one.latency_p50 * 2 <= one.seconds * 1.01
    assert "Wall-clock" in result.stdout and "requests a second" in result.stdout


def test_a_refused_arm_fails_and_is_shown(priced: Served, folder: Path) -> None:
    """An unknown controller is a 400: neither right nor wrong; the run goes on."""
    result = call(priced, "--arm", 'wrong={"controllers": [{"name": "nothing_of_the_kind"}]}')
    report = made(result, folder)

    assert [(arm.accuracy, arm.errors) for arm in report.summary.arms] == [(0.5, 0), (None, 2)]
    assert "failed, 2 times: wrong: HTTP 400" in result.stdout


def test_plain_responses_of_another_report_are_not_asked_for_again(priced: Served, folder: Path) -> None:
    made(call(priced), folder)
    (folder / "eval.json").rename(folder / "first.json")
    before = len(priced.engine.requests)
    report = made(call(priced, "--arm", CUT, "--reuse", "first.json", "--markdown", "t.md"), folder)

    asked = {request.request_id.rpartition("-")[0] for request in priced.engine.requests[before:]}
    assert len(asked) == 2  # one for each question, of the arm that is new
    assert [arm.accuracy for arm in report.summary.arms] == [0.5, 0.5]
    assert "plain: 2 responses are those of first.json" in (folder / "t.md").read_text()
    plain, cut = report.summary.arms
    assert not plain.wall_clocks and cut.wall_clocks
