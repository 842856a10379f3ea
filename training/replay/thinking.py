"""Stored trajectories as the segments of thinking that TrimR would have seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...controllers.adding import last_question
from ...controllers.boundary import BoundaryKind, Watch
from ...controllers.scanner import Scanner
from ...controllers.trimming.segment import last_sentences, thinking_text
from ...core.answers import extract_answer
from ...core.chat_format import ChatFormat
from ...core.events import Acted, Channel, Dropped, FinishReason, Origin
from ...core.trajectory import Trajectory, replay
from ...server.traces.records import EpisodeRecord, TrajectoryRecord

_ENDED = (FinishReason.STOP, FinishReason.LENGTH)


class Segment(NamedTuple):
    """The end of a segment. `tokens`: sampled thinking tokens before it."""

    tokens: int
    passage: str
    """What a verifier reads of it."""


class Thinking(NamedTuple):
    """One recorded trajectory."""

    question: str
    segments: tuple[Segment, ...]
    text: tuple[str, ...]
    """The thinking, token by token; joined it is the text."""
    answer: str | None
    """What was answered in the end."""

    @property
    def tokens(self) -> int:
        """Sampled thinking tokens."""
        return len(self.text)


class Recorded(NamedTuple):
    """What can be replayed, and how many trajectories cannot: edited ones, those with tools, broken or without thinking."""

    thinkings: list[Thinking]
    skipped: int


def recorded(episodes: Iterable[EpisodeRecord], format: ChatFormat, sentences: int) -> Recorded:
    """The thinking of every trajectory that no controller and no tool touched."""
    thinkings, skipped = list[Thinking](), 0
    for episode in episodes:
        for record in episode.trajectories:
            read = _thinking(last_question(episode.messages), record, format, sentences)
            if read is None:
                skipped += 1
            else:
                thinkings.append(read)
    return Recorded(thinkings, skipped)


def _thinking(question: str, record: TrajectoryRecord, format: ChatFormat, sentences: int) -> Thinking | None:
    touched = any(isinstance(event, Acted | Dropped) for event in record.log)
    if touched or record.finish not in _ENDED:
        return None
    trajectory = replay(record.log)
    if trajectory.environment or not trajectory.thinking:
        return None
    answer = "".join(
        format.decode(trajectory.ids[run.start : end])
        for run, end in trajectory.spans()
        if run.channel is Channel.ANSWER and not run.marker
    )
    segments, text = _walk(trajectory, format, sentences)
    return Thinking(question, tuple(segments), tuple(text), extract_answer(answer))


def _walk(trajectory: Trajectory, format: ChatFormat, sentences: int) -> tuple[list[Segment], list[str]]:
    """Decode it once more, and look for the ends of thoughts as the loop does."""
    again = Trajectory(trajectory.prompt_ids)
    scanner = Scanner(again, format, [Watch(BoundaryKind.THOUGHT_END)], (), with_tools=False)
    ends = list[int]()
    for run, stop in trajectory.spans():
        for token in trajectory.ids[run.start : stop]:
            if run.origin is Origin.SAMPLED:
                made = scanner.take(token, None, None)
                ends += (boundary.position for boundary in made if boundary.kind is BoundaryKind.THOUGHT_END)
            else:
                scanner.inject([token])
    places = list(_thought(again))
    segments = [
        Segment(
            sum(place < end for place in places), last_sentences(thinking_text(again, format, start, end), sentences)
        )
        for start, end in zip([0, *ends], ends, strict=False)
    ]
    stream = format.text_stream()
    return segments, [stream.feed([again.ids[place]]) for place in places]


def _thought(trajectory: Trajectory) -> Iterator[int]:
    """The positions of sampled thinking tokens."""
    for run, end in trajectory.spans():
        if run.channel is Channel.THINK and run.origin is Origin.SAMPLED and not run.marker:
            yield from range(run.start, end)
