"""TrimR against plain, and against an oracle that reads plain's traces."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from flyball.controllers.formats.registry import load_format
from flyball.data import REASONER
from flyball.server.traces.reader import TraceReader
from flyball.training.evaluate.report import Report
from flyball.training.evaluate.rows import Row
from flyball.training.replay.thinking import recorded

from ..asking import Workshop
from ..findings import Findings, Goal, Table
from ..oracle import Stop, stop
from ..rows import Unit, accuracy, acted, arms_of, clock, mean, of_arm, paired, percent, points, share, thinking

M = 2
"""TrimR's default."""
PLAIN, MAIN = "plain", "pocket verifier, late dropped"
_SENTENCES = 5


class Saving(NamedTuple):
    """What an arm saves of plain's thinking, beside the oracle; means per request over the traces that were stored."""

    plain: float
    oracle: float
    """Thinking tokens up to the oracle's stop."""
    kept: float
    dropped: float

    @property
    def of_oracle(self) -> float | None:
        """Of the tokens that the oracle saves. Example: plain 300, oracle 200, kept 210: 0.9."""
        return share(self.plain - self.kept, self.plain - self.oracle)

    @property
    def with_dropped(self) -> float | None:
        """The same where tokens that were decoded and dropped are not saved."""
        return share(self.plain - self.kept - self.dropped, self.plain - self.oracle)


class Stops(NamedTuple):
    """Where an arm ended the thinking."""

    stopped: int
    false: int
    """It is wrong where plain was right."""
    mended: int
    """It is right where plain was wrong."""


def saving(arm: Mapping[Unit, Row], plain: Mapping[Unit, Row], stops: Mapping[Unit, Stop]) -> Saving:
    """Over the requests of which all three are known."""
    units = [unit for unit in arm if unit in plain and unit in stops]
    return Saving(
        mean(thinking(plain[unit]) for unit in units),
        mean(stops[unit].kept for unit in units),
        mean(thinking(arm[unit]) for unit in units),
        mean(row.tokens.dropped for unit in units if (row := arm[unit]).tokens is not None),
    )


def false_stops(pairs: Sequence[tuple[Row, Row]]) -> Stops:
    """Of pairs (arm, plain) with the same question and seed."""
    stopped = [(row, plain) for row, plain in pairs if acted(row, "trimr")]
    return Stops(
        len(stopped),
        sum(row.correct is False and plain.correct is True for row, plain in stopped),
        sum(row.correct is True and plain.correct is False for row, plain in stopped),
    )


def oracle_stops(traces: Path, plain: Mapping[Unit, Row]) -> dict[Unit, Stop]:
    """The oracle's stops in the traces of plain's requests; those that were not stored, or have no thinking, are missing."""
    units = {row.trace_id: unit for unit, row in plain.items()}
    format, found = load_format("pocket", str(REASONER)), dict[Unit, Stop]()
    with TraceReader(f"sqlite:///{traces}") as reader:
        for episode in reader.episodes():
            if (unit := units.get(episode.id)) is None:
                continue
            for thought in recorded([episode], format, _SENTENCES).thinkings:
                found[unit] = stop(thought, M)
    return found


def find(reports: Mapping[str, Report], shop: Workshop) -> Findings:
    """Part of a study."""
    found = [
        judged(name, report, oracle_stops(shop.traces_of("trimr", name), of_arm(report, PLAIN)))
        for name, report in reports.items()
    ]
    return Findings(
        goals=[goal for each in found for goal in each.goals],
        tables=[table for each in found for table in each.tables],
        figures={name: each.figures for name, each in zip(reports, found, strict=True)},
        notes=list(dict.fromkeys(note for each in found for note in each.notes)),
    )


def judged(name: str, report: Report, stops: Mapping[Unit, Stop]) -> Findings:
    """The findings of one run, once the oracle's stops are known."""
    plain = of_arm(report, PLAIN)
    arms = [arm for arm in arms_of(report) if arm != PLAIN]
    savings = {arm: saving(of_arm(report, arm), plain, stops) for arm in arms}
    falses = {arm: false_stops(paired(of_arm(report, arm), plain)) for arm in arms}
    main = savings[MAIN]
    drop = accuracy(of_arm(report, MAIN).values()) - accuracy(plain.values())
    less = clock(report, MAIN, PLAIN).less
    goals = [
        _least("thinking saved, of what the oracle with the same M saves", 0.8, main.of_oracle),
        _least("the same, with tokens decoded and dropped counted as spent", 0.8, main.with_dropped),
        Goal("accuracy against plain", "≥ -1.0 points", points(drop), drop >= -0.01),
        _least(f"less total time at {report.settings.concurrency} requests at once, verifier included", 0.15, less),
    ]
    return Findings(
        goals=[Goal(f"TrimR on {name}, {MAIN}: {goal.title}", goal.goal, goal.found, goal.met) for goal in goals],
        tables=[Table(f"{name}: thinking saved, and stops", list(_lines(report, savings, falses, stops, plain)))],
        figures={"savings": {arm: s._asdict() for arm, s in savings.items()}}
        | {"stops": {arm: s._asdict() for arm, s in falses.items()}}
        | {"seconds": {arm: clock(report, arm, PLAIN)._asdict() for arm in arms}},
        notes=[
            f"{name}: the oracle read {len(stops)} of plain's {len(plain)} requests: those with thinking whose trace was stored",
            "a false stop: TrimR ended the thinking and the answer is wrong, where plain with the same seed was right",
            "of the oracle's stops nobody wrote an answer: false is where the result stated last is wrong",
        ],
    )


def _least(title: str, bound: float, found: float | None) -> Goal:
    return Goal(title, f"≥ {percent(bound, 0)}", percent(found), None if found is None else found >= bound)


_HEAD = [
    "",
    "thinking tokens",
    "saved of plain's",
    "of the oracle's saving",
    "dropped tokens",
    "of the oracle's saving, dropped ones counted",
    "stopped",
    "false stops, of all",
    "right where plain was wrong",
    "time against plain",
]


def _lines(
    report: Report,
    savings: Mapping[str, Saving],
    falses: Mapping[str, Stops],
    stops: Mapping[Unit, Stop],
    plain: Mapping[Unit, Row],
) -> Iterator[list[str]]:
    yield _HEAD
    first = next(iter(savings.values()))
    yield [PLAIN, f"{first.plain:.1f}", *["-"] * 8]
    yield _oracle_line(first, stops, plain)
    for arm, found in savings.items():
        count, ends = len(of_arm(report, arm)), falses[arm]
        yield [
            arm,
            f"{found.kept:.1f}",
            percent(share(found.plain - found.kept, found.plain)),
            percent(found.of_oracle),
            f"{found.dropped:.1f}",
            percent(found.with_dropped),
            percent(share(ends.stopped, count)),
            percent(share(ends.false, count), 2),
            percent(share(ends.mended, count), 2),
            percent(_against(clock(report, arm, PLAIN).less)),
        ]


def _oracle_line(found: Saving, stops: Mapping[Unit, Stop], plain: Mapping[Unit, Row]) -> list[str]:
    known = [unit for unit in stops if unit in plain]
    stopped = sum(stops[unit].stopped for unit in known)
    return [
        f"oracle, M = {M}",
        f"{found.oracle:.1f}",
        percent(share(found.plain - found.oracle, found.plain)),
        percent(1.0),
        "-",
        "-",
        percent(share(stopped, len(known))),
        percent(share(sum(_false(stops[unit], plain[unit]) for unit in known), len(known)), 2),
        *["-"] * 2,
    ]


def _false(stop: Stop, plain: Row) -> bool:
    """Stopped at a result that is not plain's right answer."""
    return stop.stopped and plain.correct is True and stop.result != plain.answer


def _against(less: float | None) -> float | None:
    return None if less is None else 1 - less
