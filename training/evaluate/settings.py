"""What defines a run, and the requests that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ...controllers.seeds import derived_seed
from .arms import Arm
from .questions import Question, QuestionSet
from .rows import Key


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that the responses depend on, besides the server: a run is resumed only with the same settings."""

    model: str
    engine_args: dict[str, Any] = {}
    """Of the engine that the run starts itself."""
    arms: list[Arm]
    questions: str
    """Name of the file, for the reader."""
    questions_sha256: str
    question_count: int
    reader: str
    """The form of the file; see readers."""
    samples: int
    """Repeats per question and arm."""
    seed: int
    sampling: dict[str, Any]
    """Chat fields of every arm; an arm's own come first."""
    concurrency: int
    """Requests at a time."""
    timeout: float
    """Seconds after which a request is an error."""


class Job(NamedTuple):
    """One request: a question, put to one arm with one seed."""

    question: Question
    arm: Arm
    sample: int

    @property
    def key(self) -> Key:
        """What tells it from the other jobs of a run."""
        return self.question.id, self.arm.name, self.sample


class Block(NamedTuple):
    """Requests of one arm that have the server to themselves."""

    arm: Arm
    number: int
    jobs: list[Job]


def define(questions: QuestionSet, arms: Sequence[Arm], **rest: Any) -> Settings:
    """The settings of a run over `questions`."""
    return Settings(
        arms=list(arms),
        questions=questions.name,
        questions_sha256=questions.sha256,
        question_count=len(questions.questions),
        reader=questions.reader,
        **rest,
    )


def block_size(concurrency: int) -> int:
    """Requests in a block: long against the time in which it starts and runs out, short against a machine's moods."""
    return max(16, 8 * concurrency)


def blocks(arms: Sequence[Arm], questions: Sequence[Question], samples: int, concurrency: int) -> list[Block]:
    """All requests in the order in which they are sent: the arms take turns, a block each, alone on the server.

    So each arm's wall-clock is its own, and whatever drifts while the run goes on meets every arm alike. Which arm is
    first rotates, as the first one pays for filling the prefix cache.
    """
    units = [(question, sample) for question in questions for sample in range(samples)]
    size = block_size(concurrency)
    found = []
    for number, start in enumerate(range(0, len(units), size)):
        shift = number % len(arms)
        for arm in [*arms[shift:], *arms[:shift]]:
            jobs = [Job(question, arm, sample) for question, sample in units[start : start + size]]
            found.append(Block(arm, number, jobs))
    return found


def seed_of(seed: int, job: Job) -> int:
    """What the request is seeded with, below 2**31 plus the samples, as some servers take no more.

    With one seed for all questions, whatever is drawn by it before the model speaks would come out alike for all of them.
    """
    return derived_seed(seed, job.question.id) % 2**31 + job.sample


def body(settings: Settings, job: Job) -> dict[str, Any]:
    """The chat request of a job. Its seed follows from the arm's, else the run's, and the question; sample i has i more."""
    fields: dict[str, Any] = {"model": settings.model, "seed": settings.seed} | settings.sampling | job.arm.sampling
    fields["seed"] = seed_of(fields["seed"], job)
    fields["messages"] = [{"role": "user", "content": job.question.question}]
    if job.arm.flyball is not None:
        fields["flyball"] = job.arm.flyball
    return fields
