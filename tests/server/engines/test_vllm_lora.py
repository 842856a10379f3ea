"""LoRA adapters by model name on real vLLM, beside requests for the base model."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from flyball.core.engine import EngineRequest, Sampling
from flyball.data import REASONER
from flyball.server.engines.vllm import VllmEngine

pytestmark = pytest.mark.vllm

MODEL = REASONER


def write_adapter(folder: Path) -> None:
    """An adapter that changes every layer's query projection a lot, in PEFT's format."""
    config = json.loads((MODEL / "config.json").read_text())
    hidden, heads = config["hidden_size"], config["num_attention_heads"] * config["head_dim"]
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{name}.lora_A.weight"] = torch.randn(8, hidden, generator=generator)
        tensors[f"{name}.lora_B.weight"] = torch.randn(heads, 8, generator=generator)
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    adapter = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VllmEngine]:
    folder = tmp_path_factory.mktemp("lora") / "wild"
    write_adapter(folder)
    made = VllmEngine(str(MODEL), {"enforce_eager": True, "max_lora_rank": 8}, {"wild": str(folder)})
    await made.start()
    yield made
    await made.close()


async def answer(engine: VllmEngine, number: int, adapter: str | None) -> list[int]:
    sampling = Sampling(max_tokens=12, temperature=0.0, ignore_eos=True)
    call = EngineRequest(request_id=f"{adapter}-{number}", ids=[5, 6, 7, 8, 9], sampling=sampling, adapter=adapter)
    async with asyncio.timeout(60), aclosing(engine.generate(call)) as deltas:
        return [token async for delta in deltas for token in delta.ids]


async def test_an_adapter_changes_its_requests_and_no_others(engine: VllmEngine) -> None:
    alone, tuned = await answer(engine, 0, None), await answer(engine, 1, "wild")
    assert alone != tuned
    mixed = await asyncio.gather(*(answer(engine, 10 + n, "wild" if n % 2 else None) for n in range(8)))
    assert [ids == (tuned if n % 2 else alone) for n, ids in enumerate(mixed)] == [True] * 8


async def test_adapters_are_named_among_the_abilities(engine: VllmEngine) -> None:
    assert engine.abilities.adapters == ("wild",)
