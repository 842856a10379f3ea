"""What vLLM is told on a CPU, where its own defaults serve badly. The figures are in benchmarks/engine_cpu.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_BATCHED_TOKENS = 8192


def has_gpu() -> bool:
    """Whether vLLM will run on a GPU."""
    import torch

    return torch.cuda.is_available()


def set_cpu_environment() -> None:
    """Set what vLLM reads from the environment when it is imported; what the user has set stays.

    Without the first, engine core and worker are two processes that both spin while a request runs, and leave no core to
    the HTTP front; the engine core keeps a process of its own all the same. One thread fewer than cores, because OpenMP's
    barriers spin: with a neighbour on one core every step waits for a scheduler slice.
    """
    threads = max(1, len(os.sched_getaffinity(0)) - 1)
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


def cpu_defaults(model: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Engine arguments for a CPU.

    Blocks of 32 tokens in place of 128: an edit loses at most 31 cached tokens. No chunked prefill: a prompt with a seed
    that is split over two steps ends the engine ("CPU Generator does not use offset", vLLM 0.32).
    """
    length = args.get("max_model_len") or _context_length(model)
    batched = max(_BATCHED_TOKENS, length)
    return {"block_size": 32, "enable_chunked_prefill": False, "max_num_batched_tokens": batched}


def _context_length(model: str) -> int:
    from transformers import AutoConfig

    return int(getattr(AutoConfig.from_pretrained(model).get_text_config(), "max_position_embeddings", 0))
