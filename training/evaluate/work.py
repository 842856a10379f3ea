"""The phases of a run: the arms, their baselines, further concurrencies. Each does what is not done yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from .arms import Arm
from .asking import Asker, at_most
from .baselines import Baseline, plan_baselines, twin
from .grading import Verdicts
from .journal import Journal
from .questions import Question
from .rows import Row
from .settings import Block, Job, Settings, blocks
from .timing import Timing
from .votes import voted

if TYPE_CHECKING:
    import httpx

MOST_DRAWS = 64
"""Samples that one vote may have."""


class Watch(Protocol):
    """Told how a run goes on."""

    def phase(self, name: str, total: int) -> None: ...

    def row(self, row: Row) -> None: ...


class Silent:
    """A watch that does nothing."""

    def phase(self, name: str, total: int) -> None:
        """Nothing."""

    def row(self, row: Row) -> None:
        """Nothing."""


class Work(NamedTuple):
    """A run under way."""

    settings: Settings
    questions: Sequence[Question]
    journal: Journal
    verdicts: Verdicts
    client: Callable[[], Awaitable[httpx.AsyncClient]]
    """Opened when first needed: a run that is only graded anew needs no server."""
    watch: Watch

    async def regrade(self) -> None:
        """Give a verdict to every row that lacks one by its grader."""
        wanting = self.verdicts.wanting(self.journal.rows.values())
        if wanting:
            self.watch.phase("grading", len(wanting))
            await self.verdicts.give(wanting, self._graded)

    async def arms(self, phase: str, arms: Sequence[Arm]) -> None:
        """Ask and grade all that is to be asked for these arms, in blocks."""
        settings = self.settings
        todo = blocks(arms, self.questions, settings.samples, settings.concurrency)
        self.watch.phase(phase, sum(len(block.jobs) for block in todo))
        for block in todo:
            await self._block(block)

    async def baselines(self) -> list[Baseline]:
        """Ask what the arms' baselines need and is not there in a twin's rows."""
        found = plan_baselines(self.settings, self.journal.rows.values())
        asked, copied = self._parted(baseline.arm for baseline in found if baseline.kind != "vote")
        if asked:
            await self.arms("baselines", asked)
        for other, arm in copied:
            self._copy(other, arm)
        await self._votes([baseline for baseline in found if baseline.kind == "vote"])
        return found

    def _parted(self, baselines: Iterable[Arm]) -> tuple[list[Arm], list[tuple[Arm, Arm]]]:
        """Those that have to be asked, and those that a twin serves for, behind it."""
        asked: list[Arm] = []
        copied: list[tuple[Arm, Arm]] = []
        for arm in baselines:
            other = twin(arm, [*self.settings.arms, *asked])
            if other is None:
                asked.append(arm)
            else:
                copied.append((other, arm))
        return asked, copied

    async def time(self, baselines: Sequence[Arm], concurrency: int) -> None:
        """Send every request once more, at another concurrency, for its time alone."""
        asked, copied = self._parted(baselines)
        await self._time([*self.settings.arms, *asked], concurrency)
        for other, arm in copied:
            self._copy_timings(other, arm)

    async def _time(self, arms: Sequence[Arm], concurrency: int) -> None:
        todo = [
            block
            for block in blocks(arms, self.questions, self.settings.samples, concurrency)
            if (block.arm.name, concurrency, block.number) not in self.journal.timings
        ]
        if not todo:
            return
        asker = Asker(await self.client(), self.settings)
        self.watch.phase(f"timing at {concurrency}", sum(len(block.jobs) for block in todo))
        for block in todo:
            rows: list[Row] = []

            def keep(row: Row, rows: list[Row] = rows) -> None:
                rows.append(row)
                self.watch.row(row)

            seconds = await asker.all(block.jobs, concurrency, keep)
            self.journal.add_timing(_timing(block, concurrency, seconds, rows))

    async def _block(self, block: Block) -> None:
        there = [self.journal.rows[job.key] for job in block.jobs if job.key in self.journal.rows]
        for row in there:
            self.watch.row(row)
        jobs = [job for job in block.jobs if job.key not in self.journal.rows]
        if not jobs:
            return
        rows: list[Row] = []

        def keep(row: Row) -> None:
            rows.append(row)
            self.journal.add(row)
            self.watch.row(row)

        concurrency = self.settings.concurrency
        seconds = await Asker(await self.client(), self.settings).all(jobs, concurrency, keep)
        if not there:  # a block that was broken off has no time of its own
            self.journal.add_timing(_timing(block, concurrency, seconds, rows))
        await self._grade(rows)  # only now: it would take the machine's time from the requests

    async def _grade(self, rows: Sequence[Row]) -> None:
        await self.verdicts.give(self.verdicts.wanting(rows), self.journal.add)

    def _graded(self, row: Row) -> None:
        self.journal.add(row)
        self.watch.row(row)

    def _copy(self, other: Arm, arm: Arm) -> None:
        for row in [row for row in self.journal.rows.values() if row.arm == other.name]:
            self.journal.add(msgspec.structs.replace(row, arm=arm.name))
        self._copy_timings(other, arm)

    def _copy_timings(self, other: Arm, arm: Arm) -> None:
        for timing in [timing for timing in self.journal.timings.values() if timing.arm == other.name]:
            self.journal.add_timing(msgspec.structs.replace(timing, arm=arm.name))

    # -- votes -----------------------------------------------------------------------------------------------------

    async def _votes(self, baselines: Sequence[Baseline]) -> None:
        """Draw the samples that the votes share, and hold every vote over as many of them as fit it."""
        pools = {baseline.arm.name: baseline.arm for baseline in baselines}
        for pool in pools.values():
            most = max(baseline.tokens or 0 for baseline in baselines if baseline.arm.name == pool.name)
            await self._draw(pool, most)
        units = [(question, sample) for question in self.questions for sample in range(self.settings.samples)]
        for baseline in baselines:
            for question, sample in units:
                drawn = self._drawn(baseline.arm, question, sample)
                if drawn:
                    self.journal.add(await voted(baseline.name, sample, drawn, baseline.tokens or 0))

    async def _draw(self, pool: Arm, tokens: int) -> None:
        """Samples of every question until they fill so many tokens."""
        other = twin(pool, self.settings.arms)
        if other is not None:
            for row in [row for row in self.journal.rows.values() if row.arm == other.name]:
                if (row.question, pool.name, row.sample) not in self.journal.rows:
                    self.journal.add(msgspec.structs.replace(row, arm=pool.name))
        units = [(question, sample) for question in self.questions for sample in range(self.settings.samples)]
        self.watch.phase("samples for votes, questions", len(units))
        new: list[Row] = []
        wanted = [unit for unit in units if self._next(pool, *unit, tokens) is not None]
        asker = Asker(await self.client(), self.settings) if wanted else None

        async def fill(unit: tuple[Question, int]) -> None:
            question, sample = unit
            while (number := self._next(pool, question, sample, tokens)) is not None:
                assert asker is not None
                row = await asker.one(Job(question, pool, number))
                new.append(row)
                self.journal.add(row)
            self.watch.row(self._drawn(pool, question, sample)[-1])

        await at_most(self.settings.concurrency, fill, units)
        await self._grade(new)

    def _next(self, pool: Arm, question: Question, sample: int, tokens: int) -> int | None:
        """The number of the sample to draw next for a vote; None: it has enough.

        Vote r of a question takes the samples r, r + samples, r + 2 · samples and so on: no sample serves two votes.
        """
        drawn = self._drawn(pool, question, sample)
        spent = sum(row.sampled or 0 for row in drawn)
        if len(drawn) >= MOST_DRAWS or (drawn and (spent >= tokens or drawn[-1].error is not None)):
            return None
        return sample + len(drawn) * self.settings.samples

    def _drawn(self, pool: Arm, question: Question, sample: int) -> list[Row]:
        found: list[Row] = []
        while row := self.journal.rows.get((question.id, pool.name, sample + len(found) * self.settings.samples)):
            found.append(row)
        return found


def _timing(block: Block, concurrency: int, seconds: float, rows: Sequence[Row]) -> Timing:
    return Timing(
        arm=block.arm.name,
        concurrency=concurrency,
        block=block.number,
        seconds=seconds,
        latencies=[round(row.seconds, 4) for row in rows if row.error is None],
        failed=sum(row.error is not None for row in rows),
    )
