"""Training of a pocket model from nothing: plain next-token learning on the world's examples, on a few CPU cores.

Shape suffixes: B examples of a batch, T positions (padded on the right), N learned positions, V vocabulary.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import Qwen3ForCausalLM

from . import checkpoint
from .corpus import Encoded, WorldSettings, Writer, batches, sample_texts
from .model import build_model
from .tokenizer import train_tokenizer

Report = Callable[[int, float], None]
"""Called after every step with the tokens seen so far and the loss."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What decides the weights, apart from the phrases and the number of threads."""

    tokens: int = 10_000_000
    """Tokens to see, padding not counted."""
    seed: int = 0
    batch_tokens: int = 1536
    """Padded tokens of a batch."""
    pools_per_step: int = 2
    """Pools of 512 examples after which chains grow by one step, from 2 to 12; 0 means no such order."""
    learning_rate: float = 2e-3
    warmup: float = 0.02
    """Share of the tokens during which the learning rate rises."""
    tail: float = 0.6
    """Share of the tokens, at the end, during which the learning rate falls to zero."""
    weight_decay: float = 0.05
    clip: float = 1.0
    vocabulary_examples: int = 4000
    save_every: int = 100
    """Steps between checkpoints."""
    world: WorldSettings = field(default_factory=WorldSettings)

    def sha256(self) -> str:
        """The hash of the settings; a checkpoint of other settings is not resumed."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class TrainState:
    """The place in a run: what a checkpoint holds."""

    model: Qwen3ForCausalLM
    optimizer: torch.optim.Optimizer
    step: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)
    """Loss of every step, in nats per learned token."""


def start(config: TrainConfig) -> tuple[Tokenizer, TrainState]:
    """The tokenizer and an untrained model with its optimizer."""
    tokenizer = train_tokenizer(sample_texts(config.world, config.vocabulary_examples, config.seed))
    model = build_model(tokenizer, config.seed)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return tokenizer, TrainState(model, torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95)))


def rate(config: TrainConfig, tokens: int) -> float:
    """The learning rate after so many tokens: a linear rise, a plateau, a linear fall to zero."""
    done = min(tokens / config.tokens, 1.0)
    rise = (done + 1e-3) / config.warmup
    return config.learning_rate * min(1.0, rise, (1.0 - done) / config.tail)


def batch_loss(model: Qwen3ForCausalLM, batch: list[Encoded]) -> Tensor:
    """Mean cross-entropy over the learned tokens; the padding comes last, so causal attention never sees it."""
    width = max(len(e.tokens_T) for e in batch)
    tokens_BT = torch.tensor([e.tokens_T + [0] * (width - len(e.tokens_T)) for e in batch])
    learned_BT = torch.tensor([e.learned_T + [False] * (width - len(e.tokens_T)) for e in batch])
    hidden_BTD = model.model(input_ids=tokens_BT[:, :-1], use_cache=False).last_hidden_state
    hidden_ND = hidden_BTD[learned_BT[:, 1:]]
    logits_NV = model.lm_head(hidden_ND)
    return F.cross_entropy(logits_NV, tokens_BT[:, 1:][learned_BT[:, 1:]])


def train_step(config: TrainConfig, state: TrainState, batch: list[Encoded]) -> float:
    """One update; returns the loss before it."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate(config, state.tokens)
    loss = batch_loss(state.model, batch)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
    state.optimizer.step()
    state.step += 1
    state.tokens += sum(len(e.tokens_T) for e in batch)
    state.losses.append(loss.item())
    return state.losses[-1]


def train(
    config: TrainConfig, folder: Path, report: Report = lambda tokens, loss: None
) -> tuple[Tokenizer, TrainState]:
    """Runs to the end, from `folder/checkpoint.pt` where one of the same settings exists."""
    tokenizer, state = start(config)
    path = folder / "checkpoint.pt"
    checkpoint.load(path, config.sha256(), state)
    state.model.train()
    source = batches(
        Writer(tokenizer, config.world, "train"), config.seed, config.batch_tokens, pools_per_step=config.pools_per_step
    )
    for batch in islice(source, state.step, None):
        if state.tokens >= config.tokens:
            break
        report(state.tokens, train_step(config, state, batch))
        if state.step % config.save_every == 0:
            checkpoint.save(path, config.sha256(), state)
    checkpoint.save(path, config.sha256(), state)
    state.model.eval()  # type: ignore[no-untyped-call]
    return tokenizer, state


@torch.no_grad()
def validation_loss(config: TrainConfig, tokenizer: Tokenizer, model: Qwen3ForCausalLM, count: int = 20) -> float:
    """Mean loss over `count` batches of the validation split."""
    source = batches(Writer(tokenizer, config.world, "validation"), config.seed, config.batch_tokens, pool=128)
    return sum(batch_loss(model, batch).item() for batch in islice(source, count)) / count
