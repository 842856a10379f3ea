"""The card of a trained pocket model, and the writing of the folder that ships."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from . import wording
from .chain import SPLIT_PERCENT
from .corpus import WorldSettings
from .hashes import freeze, hashes
from .measure import measure_all, skip_probability
from .model import save_model
from .tokenizer import save_tokenizer
from .train import TrainConfig, TrainState, validation_loss

DECIDING_STEPS = (1, 2, 4, 8)


def world_sha256(settings: WorldSettings) -> str:
    """The hash of the generator's settings, its splits and its phrases."""
    phrases = {name: value for name, value in vars(wording).items() if name.isupper()}
    splits = {split: [owned.start, owned.stop] for split, owned in SPLIT_PERCENT.items()}
    content = {"settings": asdict(settings), "splits": splits, "phrases": phrases}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def make_card(config: TrainConfig, tokenizer: Tokenizer, state: TrainState, questions_per_cell: int) -> dict[str, Any]:
    """What was trained, on what, and how well it does; counts are exact."""
    last = state.losses[-100:]
    free = {count: skip_probability(state.model, tokenizer, count, questions_per_cell) for count in DECIDING_STEPS}
    return {
        "world": config.world.version,
        "world_sha256": world_sha256(config.world),
        "config": asdict(config),
        "config_sha256": config.sha256(),
        "parameters": state.model.num_parameters(),
        "steps": state.step,
        "tokens": state.tokens,
        "training_loss": round(sum(last) / len(last), 4),
        "validation_loss": round(validation_loss(config, tokenizer, state.model), 4),
        "empty_think_probability": {str(count): round(value, 4) for count, value in free.items()},
        "accuracy": [asdict(cell) for cell in measure_all(state.model, tokenizer, questions_per_cell)],
    }


def write_folder(
    folder: Path, config: TrainConfig, tokenizer: Tokenizer, state: TrainState, questions_per_cell: int = 100
) -> dict[str, Any]:
    """Writes model, tokenizer, card and sums into the folder, and returns the card."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(state.model, tokenizer, folder)
    save_tokenizer(tokenizer, folder)
    card = make_card(config, tokenizer, state, questions_per_cell)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    (folder / "card.json").unlink(missing_ok=True)
    card["files"] = hashes(folder)
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    freeze(folder)
    return card
