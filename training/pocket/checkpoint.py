"""Saving and resuming a pocket training run; a checkpoint file is whole or absent."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from .train import TrainState


def save(path: Path, settings: str, state: "TrainState") -> None:
    """Writes weights, optimizer, random state and place; the old file stays until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "settings": settings,
        "model": state.model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in state.optimizers],
        "rng": torch.get_rng_state(),
        "place": {"step": state.step, "tokens": state.tokens, "losses": state.losses},
    }
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def layers_of(path: Path, settings: str) -> int:
    """Layers of the network in a checkpoint of the same settings; 0 when there is none."""
    if not path.exists():
        return 0
    content = torch.load(path, weights_only=True)
    if content["settings"] != settings:
        return 0
    return len({name.split(".")[2] for name in content["model"] if name.startswith("model.layers.")})


def load(path: Path, settings: str, state: "TrainState") -> bool:
    """Restores the state in place; False when there is no checkpoint of the same settings."""
    if not path.exists():
        return False
    content = torch.load(path, weights_only=True)
    if content["settings"] != settings:
        return False
    state.model.load_state_dict(content["model"])
    for optimizer, saved in zip(state.optimizers, content["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    torch.set_rng_state(content["rng"])
    place = content["place"]
    state.step, state.tokens, state.losses = place["step"], place["tokens"], place["losses"]
    return True
