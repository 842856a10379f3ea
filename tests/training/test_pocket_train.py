from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from flyball.training.pocket.corpus import Encoded, Writer, batches
from flyball.training.pocket.train import TrainConfig, batch_loss, rate, start, train

TINY = TrainConfig(tokens=2500, batch_tokens=600, vocabulary_examples=100, save_every=1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Batches this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Interrupted(Exception):
    """Stands for whatever ends a run early."""


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    _, whole = train(TINY, tmp_path / "whole")

    def stop(tokens: int, loss: float) -> None:
        if tokens > 1200:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(TINY, tmp_path / "broken", stop)
    _, resumed = train(TINY, tmp_path / "broken")
    assert resumed.losses == whole.losses
    pairs = zip(whole.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path: Path) -> None:
    _, first = train(TINY, tmp_path)
    _, second = train(replace(TINY, seed=1), tmp_path)
    assert first.losses != second.losses
    assert len(second.losses) == second.step


def test_text_that_is_not_learned_and_padding_leave_the_loss_alone() -> None:
    _, state = start(TINY)
    short = Encoded([5, 6, 7, 8], [False, False, True, True])
    long = Encoded([5, 6, 7, 8, 9, 10, 11], [False] * 7)
    with torch.no_grad():
        alone, padded = batch_loss(state.model, [short]), batch_loss(state.model, [short, long])
    assert torch.allclose(alone, padded, atol=1e-5)


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    config = TrainConfig(tokens=1000, warmup=0.1, tail=0.5, learning_rate=1.0)
    assert 0 < rate(config, 0) < 0.1
    assert rate(config, 300) == 1.0
    assert rate(config, 750) == pytest.approx(0.5)
    assert rate(config, 1000) == 0.0


def test_batches_are_reproducible_and_keep_their_size() -> None:
    tokenizer, _ = start(TINY)
    first, second = (
        list(islice(batches(Writer(tokenizer, TINY.world, "train"), 0, 2000, pool=64), 20)) for _ in range(2)
    )
    assert first == second
    assert all(len(b) * max(len(e.tokens_T) for e in b) <= 2000 for b in first)


def test_chains_grow_longer_pool_by_pool() -> None:
    tokenizer, _ = start(TINY)
    writer = Writer(tokenizer, TINY.world, "train")
    source = batches(writer, 0, 100_000, pool=4, pools_per_step=2)
    longest = [writer.most_steps for _ in islice(source, 30)]
    assert longest[:6] == [2, 2, 3, 3, 4, 4]
    assert longest[-1] == 12
