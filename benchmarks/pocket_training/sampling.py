"""The rate of training at some places of a recipe."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from flyball.training.pocket import checkpoint
from flyball.training.pocket.examples import Encoded, Source, batches
from flyball.training.pocket.recipe import Recipe
from flyball.training.pocket.train import Body, TrainState, grow, is_due, source, start, train_step, trained_body

POOL = 1024
"""Examples of a pool."""
WARM_UP = 3
"""Steps of a pool that are not timed; torch compiles in them when the network has changed."""


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
        seconds, warm_up = _times(recipe, state, body, pool[: WARM_UP + steps])
        rate = sum(map(_size, pool[WARM_UP : WARM_UP + steps])) / seconds
        saved = _saving(recipe, state, folder) * tokens / _size_of_step(pool) / recipe.save_every
        compiling = max(0.0, warm_up - sum(map(_size, pool[:WARM_UP])) / rate)
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


def _times(recipe: Recipe, state: TrainState, body: Body, pool: list[list[Encoded]]) -> tuple[float, float]:
    """Seconds of the timed steps and of those before them."""
    began = time.perf_counter()
    for batch in pool[:WARM_UP]:
        train_step(recipe, state, body, batch)
    warm = time.perf_counter()
    for batch in pool[WARM_UP:]:
        train_step(recipe, state, body, batch)
    return time.perf_counter() - warm, warm - began


def _saving(recipe: Recipe, state: TrainState, folder: Path) -> float:
    began = time.perf_counter()
    checkpoint.save(folder / "checkpoint.pt", recipe.sha256(), state)
    return time.perf_counter() - began
