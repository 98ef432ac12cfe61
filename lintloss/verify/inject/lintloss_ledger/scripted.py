"""What torch.jit.script sees in place of the recording functions whose originals are built in: it compiles sources only.

Imported when something is scripted, never before. No `from __future__ import annotations`: TorchScript reads the types.
"""

from typing import Optional

import torch
from torch import Tensor


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Optional[Tensor] = None,  # noqa: UP045  TorchScript of torch 2.4 knows no `Tensor | None`
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Optional[float] = None,  # noqa: UP045  as above
    enable_gqa: bool = False,
) -> Tensor:
    return torch._C._nn.scaled_dot_product_attention(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )


def linear(input: Tensor, weight: Tensor, bias: Optional[Tensor] = None) -> Tensor:  # noqa: A002, UP045
    return torch._C._nn.linear(input, weight, bias)
