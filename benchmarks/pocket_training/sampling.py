"""The rate of training at some places of a recipe."""

import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from flyball.training.pocket import checkpoint
from flyball.training.pocket.examples import Encoded, Source, batches
from flyball.training.pocket.recipe import Recipe
from flyball.training.pocket.train import Body, TrainState, grow, is_due, source, start, train_step, trained_body

POOL = 1024
"""Examples of a pool."""
COMPILED = 3.0
"""A step that takes so many times its pool's median, token for token, is one in which torch compiled. That happens once for
a form of batches, so what such a step takes more is not multiplied."""


class Part(msgspec.Struct, frozen=True):
    """A stretch of a recipe, from one pool that was looked at to the next. All seconds are of the whole stretch."""

    begin: int
    """Tokens seen before it."""
    tokens: int
    layers: int
    rate: float
    """Tokens a second while steps are taken."""
    training: float
    drawing: float
    """Seconds in which its examples are written and tokenised."""
    compiling: float
    saving: float
    """Seconds for its checkpoints."""

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.training + self.drawing + self.compiling + self.saving


def parts(recipe: Recipe, every: int, steps: int, folder: Path) -> Iterator[Part]:
    """Every stretch of the recipe, up to its last token."""
    tokenizer, state = start(recipe)
    examples, body, layers = source(recipe, tokenizer, "train"), trained_body(recipe, state), recipe.shape.layers
    place = number = 0
    while place < recipe.tokens:
        if is_due(recipe.growth, place) and layers == recipe.shape.layers:
            state = grow(recipe, tokenizer, state)
            body, layers = trained_body(recipe, state), state.model.config.num_hidden_layers
        state.tokens = place
        pool, drawing = _draw(recipe, examples, number)
        tokens = min(every * sum(map(_size, pool)), recipe.tokens - place)
        rate, compiling = rate_of([_step(recipe, state, body, batch) for batch in pool[:steps]])
        saved = _saving(recipe, state, folder) * tokens / _size_of_step(pool) / recipe.save_every
        yield Part(place, tokens, layers, rate, tokens / rate, drawing * every, compiling, saved)
        place, number = place + tokens, number + every


def _size(batch: list[Encoded]) -> int:
    return sum(len(example.tokens_T) for example in batch)


def _size_of_step(pool: list[list[Encoded]]) -> float:
    return sum(map(_size, pool)) / len(pool)


def _draw(recipe: Recipe, examples: Source, number: int) -> tuple[list[list[Encoded]], float]:
    """The batches of one pool, as the run makes them, and the seconds that took."""
    began = time.perf_counter()
    stream = batches(examples, f"{recipe.role}/train/{recipe.seed}", recipe.batch_tokens, POOL, first=number)
    pool: list[list[Encoded]] = []
    drawn = 0
    while drawn < POOL:
        pool += islice(stream, 1)
        drawn += len(pool[-1])
    return pool, time.perf_counter() - began


def _step(recipe: Recipe, state: TrainState, body: Body, batch: list[Encoded]) -> tuple[int, float]:
    """Tokens and seconds of one step."""
    began = time.perf_counter()
    train_step(recipe, state, body, batch)
    return _size(batch), time.perf_counter() - began


def rate_of(steps: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Tokens a second, and the seconds for which torch compiled.

    Example: [(10, 1), (20, 2), (10, 31)] are 10 tokens a second, and 30 seconds of compiling.
    """
    usual = statistics.median(seconds / tokens for tokens, seconds in steps)
    taken = [(tokens, seconds) for tokens, seconds in steps if seconds <= COMPILED * usual * tokens]
    rate = sum(tokens for tokens, _ in taken) / sum(seconds for _, seconds in taken)
    compiled = (seconds - tokens / rate for tokens, seconds in steps if seconds > COMPILED * usual * tokens)
    return rate, sum(compiled)


def _saving(recipe: Recipe, state: TrainState, folder: Path) -> float:
    began = time.perf_counter()
    checkpoint.save(folder / "checkpoint.pt", recipe.sha256(), state)
    return time.perf_counter() - began
