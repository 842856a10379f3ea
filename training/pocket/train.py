"""Training of a pocket model from nothing: plain next-token learning on the world's examples, on a few CPU cores.

Shape suffixes: B examples of a batch, T positions (padded on the right), N learned positions, D width, V vocabulary.
"""

from collections.abc import Callable
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
from .examples import Encoded, Source, batches
from .model import build_model
from .reasoner.writer import Writer as ReasonerWriter
from .recipe import Recipe
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
    return VerifierWriter(tokenizer, split, recipe.reading_pools if split == "train" else 0)


def rate(recipe: Recipe, tokens: int) -> float:
    """The learning rate after so many tokens, linear between the points of the schedule."""
    for (start, low), (end, high) in pairwise(recipe.schedule):
        if tokens < end:
            return recipe.learning_rate * (low + (high - low) * (tokens - start) / (end - start))
    return recipe.learning_rate * recipe.schedule[-1][1]


def batch_loss(model: Qwen3ForCausalLM, body: Body, batch: list[Encoded]) -> Tensor:
    """Mean cross-entropy over the learned tokens; the padding comes last, so causal attention never sees it."""
    width = -(-max(len(e.tokens_T) for e in batch) // 8) * 8
    tokens_BT = torch.tensor([e.tokens_T + [0] * (width - len(e.tokens_T)) for e in batch])
    learned_BT = torch.tensor([e.learned_T + [False] * (width - len(e.tokens_T)) for e in batch])
    with torch.autocast("cpu", torch.bfloat16):
        hidden_BTD = body(input_ids=tokens_BT[:, :-1], use_cache=False).last_hidden_state
        logits_NV = model.lm_head(hidden_BTD[learned_BT[:, 1:]])
    return F.cross_entropy(logits_NV.float(), tokens_BT[:, 1:][learned_BT[:, 1:]])


def train_step(recipe: Recipe, state: TrainState, body: Body, batch: list[Encoded]) -> float:
    """One update; returns the loss before it."""
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate(recipe, state.tokens)
        optimizer.zero_grad(set_to_none=True)
    loss = batch_loss(state.model, body, batch)
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
    checkpoint.load(path, recipe.sha256(), state)
    state.model.train()
    body: Body = torch.compile(state.model.model, dynamic=True) if recipe.compiled else state.model.model
    examples = batches(
        source(recipe, tokenizer, "train"),
        f"{recipe.role}/train/{recipe.seed}",
        recipe.batch_tokens,
    )
    for batch in islice(examples, state.step, None):
        if state.tokens >= recipe.tokens:
            break
        report(state.tokens, train_step(recipe, state, body, batch))
        if state.step % recipe.save_every == 0:
            checkpoint.save(path, recipe.sha256(), state)
    checkpoint.save(path, recipe.sha256(), state)
    state.model.eval()  # type: ignore[no-untyped-call]
    return tokenizer, state


@torch.no_grad()
def validation_loss(recipe: Recipe, tokenizer: Tokenizer, model: Qwen3ForCausalLM, count: int = 20) -> float:
    """Mean loss over `count` batches of the validation split."""
    seed = f"{recipe.role}/validation/{recipe.seed}"
    examples = batches(source(recipe, tokenizer, "validation"), seed, recipe.batch_tokens, pool=512)
    return sum(batch_loss(model, model.model, batch).item() for batch in islice(examples, count)) / count
