"""Going back: what is found after an edit is the same, however much was read again; and that is little."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from flyball.controllers import scanner as scanning
from flyball.controllers.boundary import AnyWatch, BoundaryKind, TokenWatch, Watch
from flyball.controllers.hinting.after_words import words_watch
from flyball.controllers.scanner import Scanner
from flyball.core.events import Channel, Origin
from flyball.core.trajectory import Trajectory

from .test_streams_equal import EVERY, bodies, label
from .worlds import ids, pocket

WATCHES: Sequence[AnyWatch] = (
    Watch(BoundaryKind.THOUGHT_END),
    Watch(BoundaryKind.THINK_END),
    Watch(BoundaryKind.CALL_CLOSED),
    words_watch(("Wait", "Hmm")),
    TokenWatch(7, Channel.THINK, repeat=True),
    TokenWatch(5, repeat=True),
)
TEXT = "Let me see. Wait, héé 🙂…\n\nHmm, so.\n```python\nprint(1)\n```\nWait. "


def a_scanner(prompt: Sequence[int]) -> tuple[Scanner, Trajectory]:
    trajectory = Trajectory(prompt)
    return Scanner(trajectory, pocket(), WATCHES, (), True, pocket().fence), trajectory


def taken(scanner: Scanner, tokens: Sequence[int]) -> list[Any]:
    """Everything that is found in these tokens."""
    found: list[Any] = []
    for token in tokens:
        found += scanner.take(token, None, None)
        found.append(scanner.fences.take() if scanner.fences is not None else None)
        found.append((scanner.channel, scanner.held))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_what_is_found_afterwards_does_not_depend_on_the_edits_before(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_EVERY", 5)
    rng = random.Random(seed)
    prompt, tokens = ids("<think>\n"), ids(TEXT * 4)
    scanner, trajectory = a_scanner(prompt)
    for _ in range(12):
        match rng.randrange(4):
            case 0:
                scanner.inject(ids(rng.choice((" hm", "\n```python\n", "Wa", "\n\n", "…"))))
            case 1:
                scanner.append_results(ids("```output\n1\n```\n"))
            case 2 if trajectory.ids:
                trajectory.drop(rng.randrange(len(trajectory.ids)), "edit")
                scanner.rewind()
            case _:
                begin = rng.randrange(len(tokens))
                taken(scanner, tokens[begin : begin + rng.randrange(1, 30)])
    twin, copied = a_scanner(prompt)
    monkeypatch.setattr(scanning, "_EVERY", 10**9)
    for run, end in trajectory.spans():
        part = trajectory.ids[run.start : end]
        if run.origin is Origin.SAMPLED:
            taken(twin, part)
        elif run.origin is Origin.INJECTED:
            twin.inject(part)
        else:
            twin.append_results(part)
    assert copied.ids == trajectory.ids
    assert taken(scanner, tokens) == taken(twin, tokens)


@pytest.mark.parametrize("controllers", EVERY, ids=label)
async def test_whole_runs_are_the_same(controllers: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [await bodies(seed, controllers) for seed in range(4)]
    monkeypatch.setattr(scanning, "_EVERY", 3)
    assert [await bodies(seed, controllers) for seed in range(4)] == expected


def test_an_edit_at_the_end_of_long_thinking_reads_little_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner, trajectory = a_scanner(ids("<think>\n"))
    taken(scanner, ids(TEXT * 60))
    read: list[int] = []
    step = scanner._step

    def counted(token: int, origin: Origin) -> tuple[Channel, bool]:
        read.append(token)
        return step(token, origin)

    monkeypatch.setattr(scanner, "_step", counted)

    trajectory.drop(len(trajectory.ids) - 2, "edit")
    scanner.rewind()

    assert len(trajectory.ids) > 4 * scanning._EVERY
    assert 0 < len(read) <= scanning._EVERY


def test_a_stream_of_text_is_copied_in_the_middle_of_a_character() -> None:
    tokens = ids("a🙂é")
    for cut in range(len(tokens)):
        stream = pocket().text_stream()
        begun = stream.feed(tokens[:cut])
        twin = stream.fork()
        assert begun + stream.feed(tokens[cut:]) == "a🙂é"
        assert begun + twin.feed(tokens[cut:]) == "a🙂é"
