"""Training of a pocket model from nothing: plain next-token learning on the world's examples, on a few CPU cores.

Shape suffixes: B examples of a batch, T positions (padded on the right), N learned positions, K known values, D width,
V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import Qwen3ForCausalLM

from . import checkpoint
from .attention import use_blocks
from .examples import Encoded, Source, batches
from .model import build_model, grow_model
from .reasoner.writer import Writer as ReasonerWriter
from .recipe import Growth, Recipe
from .verifier.writer import Writer as VerifierWriter
from .vocabulary import learn_tokenizer
from .world.question import Split

Report = Callable[[int, float], None]
"""Called after every step with the tokens seen so far and the loss."""
Body = Callable[..., Any]
"""The network below the output layer, compiled or not."""


@dataclass(slots=True)
class TrainState:
    """The place in a run: what a checkpoint holds."""

    model: Qwen3ForCausalLM
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)
    """Loss of every step, in nats per learned token."""


def start(recipe: Recipe) -> tuple[Tokenizer, TrainState]:
    """The tokenizer and an untrained model with its optimizers."""
    tokenizer = learn_tokenizer(recipe.vocabulary_examples, recipe.seed)
    model = build_model(tokenizer, recipe.shape, recipe.seed)
    return tokenizer, TrainState(model, build_optimizers(recipe, model))


def grow(recipe: Recipe, tokenizer: Tokenizer, state: TrainState) -> TrainState:
    """The same place in the run with the deeper network; the optimizers begin anew."""
    assert recipe.growth is not None
    growth = recipe.growth
    model = grow_model(state.model, tokenizer, growth.after, growth.layers, recipe.seed)
    return TrainState(model, build_optimizers(recipe, model), state.step, state.tokens, state.losses)


def is_due(growth: Growth | None, tokens: int) -> bool:
    """Whether the network is to be deeper after so many tokens."""
    return growth is not None and tokens >= growth.tokens


def build_optimizers(recipe: Recipe, model: Qwen3ForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the embedding and the vectors."""
    matrices = [p for name, p in model.named_parameters() if p.ndim > 1 and "embed" not in name]
    embedding = [p for name, p in model.named_parameters() if p.ndim > 1 and "embed" in name]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": embedding, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    muon = torch.optim.Muon(
        matrices, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return [muon, torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95))]


def source(recipe: Recipe, tokenizer: Tokenizer, split: Split) -> Source:
    """What draws the examples of that role."""
    if recipe.role == "reasoner":
        curriculum = recipe.curriculum if split == "train" else recipe.curriculum.final()
        return ReasonerWriter(tokenizer, split, curriculum)
    if split == "train":
        return VerifierWriter(
            tokenizer, split, recipe.reading_pools, recipe.natural_pools, recipe.facing_from, recipe.agreeing_from
        )
    return VerifierWriter(tokenizer, split)


def rate(recipe: Recipe, tokens: int) -> float:
    """The learning rate after so many tokens, linear between the points of the schedule."""
    for (start, low), (end, high) in pairwise(recipe.schedule):
        if tokens < end:
            return recipe.learning_rate * (low + (high - low) * (tokens - start) / (end - start))
    return recipe.learning_rate * recipe.schedule[-1][1]


def batch_loss(model: Qwen3ForCausalLM, body: Body, batch: list[Encoded], middle: int = 0) -> Tensor:
    """Mean cross-entropy over the learned tokens; the padding comes last, so causal attention never sees it.

    With `middle`, the state behind so many layers, read through the output layer, is to know the examples' `known`
    values, and higher ones those that say so: their mean cross-entropy is added, layer by layer."""
    width = -(-max(len(e.tokens_T) for e in batch) // 8) * 8
    tokens_BT = torch.tensor([e.tokens_T + [0] * (width - len(e.tokens_T)) for e in batch])
    learned_BT = torch.tensor([e.learned_T + [False] * (width - len(e.tokens_T)) for e in batch])
    with torch.autocast("cpu", torch.bfloat16):
        out = body(input_ids=tokens_BT[:, :-1], use_cache=False, output_hidden_states=bool(middle))
        logits_NV = model.lm_head(out.last_hidden_state[learned_BT[:, 1:]])
    loss = F.cross_entropy(logits_NV.float(), tokens_BT[:, 1:][learned_BT[:, 1:]])
    return loss + _known_loss(model, out.hidden_states[middle:], batch) if middle else loss


def _known_loss(model: Qwen3ForCausalLM, states: Sequence[Tensor], batch: list[Encoded]) -> Tensor:
    """The sum over the layers, counted from the middle one, of the mean over what each is to know."""
    total = torch.zeros(())
    for above, state_BTD in enumerate(states):
        known = [
            (row, place, token) for row, e in enumerate(batch) for place, token, layer in e.known if layer == above
        ]
        if known:
            rows_K, places_K, tokens_K = torch.tensor(known).T
            with torch.autocast("cpu", torch.bfloat16):
                logits_KV = model.lm_head(model.model.norm(state_BTD[rows_K, places_K]))
            total = total + F.cross_entropy(logits_KV.float(), tokens_K)
    return total


def train_step(recipe: Recipe, state: TrainState, body: Body, batch: list[Encoded]) -> float:
    """One update; returns the loss before it."""
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate(recipe, state.tokens)
        optimizer.zero_grad(set_to_none=True)
    loss = batch_loss(state.model, body, batch, recipe.middle(state.tokens))
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip)
    for optimizer in state.optimizers:
        optimizer.step()
    state.step += 1
    state.tokens += sum(len(e.tokens_T) for e in batch)
    state.losses.append(loss.item())
    return state.losses[-1]


def train(recipe: Recipe, folder: Path, report: Report = lambda tokens, loss: None) -> tuple[Tokenizer, TrainState]:
    """Runs to the end, from `folder/checkpoint.pt` where one of the same settings exists."""
    tokenizer, state = start(recipe)
    path = folder / "checkpoint.pt"
    if grown := checkpoint.layers_of(path, recipe.sha256()) > recipe.shape.layers:
        state = grow(recipe, tokenizer, state)
    checkpoint.load(path, recipe.sha256(), state)
    body = trained_body(recipe, state)
    seed = f"{recipe.role}/train/{recipe.seed}"
    examples = batches(source(recipe, tokenizer, "train"), seed, recipe.batch_tokens)
    for batch in islice(examples, state.step, None):
        if state.tokens >= recipe.tokens:
            break
        if not grown and (grown := is_due(recipe.growth, state.tokens)):
            state = grow(recipe, tokenizer, state)
            body = trained_body(recipe, state)
        report(state.tokens, train_step(recipe, state, body, batch))
        if state.step % recipe.save_every == 0:
            checkpoint.save(path, recipe.sha256(), state)
    checkpoint.save(path, recipe.sha256(), state)
    state.model.eval()  # type: ignore[no-untyped-call]
    return tokenizer, state


def trained_body(recipe: Recipe, state: TrainState) -> Body:
    """The network that a step goes through, ready for training."""
    state.model.train()
    use_blocks(state.model)
    return torch.compile(state.model.model, dynamic=True) if recipe.compiled else state.model.model


@torch.no_grad()
def validation_loss(recipe: Recipe, tokenizer: Tokenizer, model: Qwen3ForCausalLM, count: int = 20) -> float:
    """Mean loss over `count` batches of the validation split."""
    seed = f"{recipe.role}/validation/{recipe.seed}"
    examples = batches(source(recipe, tokenizer, "validation"), seed, recipe.batch_tokens, pool=512)
    return sum(batch_loss(model, model.model, batch).item() for batch in islice(examples, count)) / count
