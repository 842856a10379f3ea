"""The card of a trained pocket model, and the writing of its folder."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from tokenizers import Tokenizer

from .model import save_model
from .reasoner import wording as reasoner_wording
from .recipe import Recipe
from .tokenizer import save_tokenizer
from .train import TrainState, validation_loss
from .verifier import wording as verifier_wording
from .world import big, chain, entities, lookup, question
from .world.sets import SETS

_PHRASES: tuple[ModuleType, ...] = (chain, big, entities, lookup, reasoner_wording, verifier_wording)


def world_sha256() -> str:
    """The hash of the world's phrases, splits and named sets."""
    phrases = {module.__name__.rpartition(".pocket.")[2]: _constants(module) for module in _PHRASES}
    sets = {name: [asdict(part) for part in parts] for name, parts in SETS.items()}
    content = {"version": question.VERSION, "splits": repr(question.PERCENT), "sets": sets, "phrases": phrases}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _constants(module: ModuleType) -> dict[str, str]:
    """The module's constants that are data, in a form that does not depend on the run."""
    kinds = (str, int, float, tuple, dict)
    return {name: repr(value) for name, value in vars(module).items() if name.isupper() and type(value) in kinds}


def make_card(recipe: Recipe, tokenizer: Tokenizer, state: TrainState) -> dict[str, Any]:
    """What was trained and on what; how well it does is in the world's report."""
    last = state.losses[-100:]
    return {
        "world": recipe.version,
        "world_sha256": world_sha256(),
        "role": recipe.role,
        "recipe": asdict(recipe),
        "recipe_sha256": recipe.sha256(),
        "parameters": state.model.num_parameters(),
        "steps": state.step,
        "tokens": state.tokens,
        "training_loss": round(sum(last) / len(last), 4),
        "validation_loss": round(validation_loss(recipe, tokenizer, state.model), 4),
    }


def write_folder(folder: Path, recipe: Recipe, tokenizer: Tokenizer, state: TrainState) -> dict[str, Any]:
    """Writes model, tokenizer and card into the folder, and returns the card."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(state.model, tokenizer, folder)  # rounds the weights: the card is about those that are written
    card = make_card(recipe, tokenizer, state)
    save_tokenizer(tokenizer, folder)
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card
