"""The attention that the pocket models are trained with is causal attention, however long the batch is."""

import pytest
import torch
from torch.nn import functional as F

from flyball.training.pocket.attention import BLOCK, causal_attention, use_blocks
from flyball.training.pocket.model import Shape, build_model
from flyball.training.pocket.vocabulary import learn_tokenizer


@pytest.mark.parametrize("positions", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_values_and_gradients_are_those_of_torch(positions: int) -> None:
    torch.manual_seed(positions)
    query_NTD, key_NTD, value_NTD = inputs = [torch.randn(3, positions, 32, requires_grad=True) for _ in range(3)]
    grad_NTD = torch.randn(3, positions, 32)

    ours_NTD = causal_attention(query_NTD, key_NTD, value_NTD)
    torchs_NTD = F.scaled_dot_product_attention(query_NTD, key_NTD, value_NTD, is_causal=True, scale=1.0)
    torch.testing.assert_close(ours_NTD, torchs_NTD, rtol=1e-4, atol=1e-4)
    ours, torchs = (torch.autograd.grad(out, inputs, grad_NTD) for out in (ours_NTD, torchs_NTD))
    for our, their in zip(ours, torchs, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-4, atol=1e-4)


def test_torch_agrees_that_the_operation_describes_itself_rightly() -> None:
    inputs = tuple(torch.randn(2, BLOCK + 3, 8, requires_grad=True) for _ in range(3))
    torch.library.opcheck(torch.ops.flyball.causal_attention.default, inputs)


@pytest.mark.parametrize("positions", [40, 2 * BLOCK + 8])
def test_a_network_says_the_same_with_it(positions: int) -> None:
    model = build_model(learn_tokenizer(100, 0), Shape(layers=2, width=64, heads=2), 0)
    tokens_BT = torch.randint(300, (3, positions), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before_BTV = model(input_ids=tokens_BT, use_cache=False).logits
        use_blocks(model)
        after_BTV = model(input_ids=tokens_BT, use_cache=False).logits
    torch.testing.assert_close(after_BTV, before_BTV, rtol=1e-4, atol=1e-4)
