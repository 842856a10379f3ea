"""The network of a pocket model: Qwen3 with a few layers, one or two million parameters."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import Qwen3Config, Qwen3ForCausalLM

from .tokenizer import MAX_POSITIONS, VOCAB_SIZE

# Scale of queries and keys at the start. At 1 attention begins so flat that copying is learned several times later.
SHARPNESS = 2.0


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of the network; every head is 32 wide and has keys and values of its own."""

    layers: int
    width: int
    heads: int


def build_model(tokenizer: Tokenizer, shape: Shape, seed: int) -> Qwen3ForCausalLM:
    """An untrained float32 model whose weights depend only on the seed."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=VOCAB_SIZE,
        hidden_size=shape.width,
        intermediate_size=shape.width * 11 // 4,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=32,
        max_position_embeddings=MAX_POSITIONS,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        initializer_range=0.05,
        eos_token_id=tokenizer.token_to_id("<|im_end|>"),
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
        dtype="float32",
    )
    model = Qwen3ForCausalLM(config)  # type: ignore[no-untyped-call]
    for name, weight_D in model.named_parameters():
        if name.endswith(("q_norm.weight", "k_norm.weight")):
            torch.nn.init.constant_(weight_D, SHARPNESS)
    return model


def grow_model(model: Qwen3ForCausalLM, tokenizer: Tokenizer, after: int, layers: int, seed: int) -> Qwen3ForCausalLM:
    """The same function as a deeper network: `layers` new ones above the first `after`, which add nothing yet.

    Their output matrices are zero, so that they begin as the identity and every weight still gets a gradient."""
    old = model.config
    shape = Shape(old.num_hidden_layers + layers, old.hidden_size, old.num_attention_heads)
    grown = build_model(tokenizer, shape, seed)
    kept = [index + layers * (index >= after) for index in range(old.num_hidden_layers)]
    weights = model.state_dict()
    for name in list(weights):
        if match := re.match(r"model\.layers\.(\d+)\.(.*)", name):
            weights[f"grown.{kept[int(match[1])]}.{match[2]}"] = weights.pop(name)
    grown.load_state_dict({re.sub(r"^grown\.", "model.layers.", name): w for name, w in weights.items()}, strict=False)
    for index in range(after, after + layers):
        layer = grown.model.layers[index]
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return grown


def save_model(model: Qwen3ForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Writes config.json, model.safetensors (bfloat16, as it is served) and generation_config.json."""
    model.to(torch.bfloat16).save_pretrained(str(folder))  # type: ignore[arg-type]
    model.to(torch.float32)  # type: ignore[arg-type]
    (folder / "model.safetensors").chmod(0o644)  # written for the owner alone, which an installed package must not be
    end, text_end = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    generation = {
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.95,
        "eos_token_id": [end, text_end],
        "pad_token_id": text_end,
    }
    text = json.dumps(generation, indent=2, sort_keys=True) + "\n"
    (folder / "generation_config.json").write_text(text, encoding="utf-8")
