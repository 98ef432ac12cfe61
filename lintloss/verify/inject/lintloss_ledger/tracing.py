"""Is the caller being compiled? Then the recorder must leave no trace in the graph."""

from __future__ import annotations

from .ledger import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

TORCH: list[Any] = []  # torch, once it is imported; torch.compiler comes later than torch.nn.functional


def compiling() -> bool:
    """Tell whether dynamo is tracing the caller: it folds this into a constant, and what hangs on it into nothing."""
    return bool(TORCH and TORCH[0].compiler.is_compiling())
