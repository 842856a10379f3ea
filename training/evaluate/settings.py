"""What defines a run, and the requests that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from .arms import Arm
from .questions import Question, QuestionSet


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a result depends on, besides the server: a run is resumed only with the same settings."""

    model: str
    engine_args: dict[str, Any] = {}
    """Of the engine that the run starts itself."""
    arms: list[Arm]
    questions: str
    """Name of the file, for the reader."""
    questions_sha256: str
    question_count: int
    grader: str
    samples: int
    """Repeats per question and arm."""
    seed: int
    sampling: dict[str, Any]
    """Chat fields of every arm; an arm's own come first."""
    concurrency: int
    timeout: float
    """Seconds after which a request is an error."""


class Job(NamedTuple):
    """One request: a question, put to one arm with one seed."""

    question: Question
    arm: Arm
    sample: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the other jobs of a run."""
        return self.question.id, self.arm.name, self.sample


def define(questions: QuestionSet, arms: Sequence[Arm], **rest: Any) -> Settings:
    """The settings of a run over `questions`."""
    return Settings(
        arms=list(arms),
        questions=questions.name,
        questions_sha256=questions.sha256,
        question_count=len(questions.questions),
        **rest,
    )


def jobs(settings: Settings, questions: Sequence[Question]) -> Iterator[Job]:
    """All requests in the order in which they are sent: a question's arms stand side by side.

    So whatever drifts while the run goes on meets every arm alike. Which arm is first rotates, as the first one
    pays for filling the prefix cache.
    """
    turn = 0
    for question in questions:
        for sample in range(settings.samples):
            shift = turn % len(settings.arms)
            for arm in settings.arms[shift:] + settings.arms[:shift]:
                yield Job(question, arm, sample)
            turn += 1


def body(settings: Settings, job: Job) -> dict[str, Any]:
    """The chat request of a job; its seed is the arm's, else the run's, plus the number of the sample."""
    fields: dict[str, Any] = {"model": settings.model, "seed": settings.seed} | settings.sampling | job.arm.sampling
    fields["seed"] += job.sample
    fields["messages"] = [{"role": "user", "content": job.question.question}]
    if job.arm.flyball is not None:
        fields["flyball"] = job.arm.flyball
    return fields
