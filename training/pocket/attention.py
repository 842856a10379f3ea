"""Causal attention for training on a CPU: blocks of queries, each against the keys up to its end.

With heads 32 wide torch's fused attention takes most of a training step on a CPU, above all in its backward pass. Here
both passes are batched matrix products, for which a processor with bfloat16 instructions has fast kernels.

Shape suffixes: B examples, H heads, N = B·H, T positions, D width of a head, W the weights of all blocks, one after
the other, each of N rows of `end - begin` queries by `end` keys.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

BLOCK = 128
"""Queries of a block: few enough that its weights stay in the cache and that little is computed above the diagonal."""
NAME = "flyball_blocks"


def use_blocks(model: PreTrainedModel) -> None:
    """Makes a model attend by this module. Its batches must be padded on the right, as no mask is looked at."""
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)
    model.set_attn_implementation(NAME)


def causal_attention(query_NTD: Tensor, key_NTD: Tensor, value_NTD: Tensor) -> Tensor:
    """softmax(Q Kᵀ) V, where no position sees a later one; the scale is already in the queries. Returns [N, T, D]."""
    out_NTD: Tensor = _forward(query_NTD, key_NTD, value_NTD)[0]
    return out_NTD


def _attend(
    module: Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The form that transformers asks for: [B, H, T, D] in, [B, T, H, D] out."""
    inputs = [x.to(value.dtype).flatten(0, 1).contiguous() for x in (query * scaling, key, value)]
    return causal_attention(*inputs).view(*query.shape).transpose(1, 2).contiguous(), None


def _blocks(positions: int) -> Iterator[tuple[int, int]]:
    return ((begin, min(begin + BLOCK, positions)) for begin in range(0, positions, BLOCK))


@torch.library.custom_op("flyball::causal_attention", mutates_args=())
def _forward(query_NTD: Tensor, key_NTD: Tensor, value_NTD: Tensor) -> tuple[Tensor, Tensor]:
    """The result and the weights."""
    rows, positions, _ = query_NTD.shape
    out_NTD = torch.empty_like(query_NTD)
    weights_W = query_NTD.new_empty(rows * sum((end - begin) * end for begin, end in _blocks(positions)))
    for (begin, end), weights in _split(weights_W, rows, positions):
        scores = torch.bmm(query_NTD[:, begin:end], key_NTD[:, :end].transpose(1, 2))
        later = torch.ones(end - begin, end - begin, dtype=torch.bool).triu_(1)
        scores[:, :, begin:].masked_fill_(later, float("-inf"))
        torch.softmax(scores, -1, out=weights)
        out_NTD[:, begin:end] = torch.bmm(weights, value_NTD[:, :end])
    return out_NTD, weights_W


def _split(weights_W: Tensor, rows: int, positions: int) -> Iterator[tuple[tuple[int, int], Tensor]]:
    """Every block with its part of the weights."""
    place = 0
    for begin, end in _blocks(positions):
        size = rows * (end - begin) * end
        yield (begin, end), weights_W[place : place + size].view(rows, end - begin, end)
        place += size


@torch.library.custom_op("flyball::causal_attention_backward", mutates_args=())
def _backward(
    grad_NTD: Tensor, query_NTD: Tensor, key_NTD: Tensor, value_NTD: Tensor, weights_W: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of queries, keys and values."""
    rows, positions, _ = query_NTD.shape
    queries_NTD, keys_NTD, values_NTD = (
        torch.empty_like(query_NTD),
        torch.zeros_like(key_NTD),
        torch.zeros_like(value_NTD),
    )
    for (begin, end), weights in _split(weights_W, rows, positions):
        grad = grad_NTD[:, begin:end]
        grad_weights = torch.bmm(grad, value_NTD[:, :end].transpose(1, 2))
        scores = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
        queries_NTD[:, begin:end] = torch.bmm(scores, key_NTD[:, :end])
        keys_NTD[:, :end] += torch.bmm(scores.transpose(1, 2), query_NTD[:, begin:end])
        values_NTD[:, :end] += torch.bmm(weights.transpose(1, 2), grad)
    return queries_NTD, keys_NTD, values_NTD


@_forward.register_fake
def _(query_NTD: Tensor, key_NTD: Tensor, value_NTD: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(query_NTD), query_NTD.new_empty(torch.library.get_ctx().new_dynamic_size())


@_backward.register_fake
def _(
    grad_NTD: Tensor, query_NTD: Tensor, key_NTD: Tensor, value_NTD: Tensor, weights_W: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query_NTD), torch.empty_like(key_NTD), torch.empty_like(value_NTD)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, output[1])


def _gradients(ctx: Any, grad_NTD: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    gradients: tuple[Tensor, Tensor, Tensor] = _backward(grad_NTD.contiguous(), *ctx.saved_tensors)
    return gradients


_forward.register_autograd(_gradients, setup_context=_keep)
