"""--data and LL403: which token sequences were evaluated, and which were trained on: ids of each row, in a file."""

from __future__ import annotations

import os
import struct
import sys
from array import array
from types import FrameType
from typing import Any

HEADER = struct.Struct("<II")  # event order of the call (or ALL), tokens of the row; then the ids, 32 bits each
OF_LOADER = 0xFFFFFFFF  # instead of an order: rows of a training loader that the command line named
LARGEST = 1 << 26  # tokens written by one process
DEPTH = 12


class Data:
    """Notes the rows that each criterion call scored; training calls are told from others by the judge."""

    def __init__(self, training: tuple[str, ...], *, texts: bool) -> None:
        self._training = training
        self._texts = texts
        self._file: Any = None
        self._written = 0
        self._tokenizer: Any = None

    def show(self, index: int, ids: Any, scored: float, frame: FrameType | None, recorder: Any) -> None:
        rows = ids.tolist()
        self._write(index, rows, recorder)
        recorder.ledger.note("data", order=index, rows=len(rows), tokens=int(ids.numel()), scored=scored)
        if self._texts:
            self._decode(index, rows, frame, recorder)

    def _write(self, index: int, rows: list[list[int]], recorder: Any) -> None:
        if self._file is None:
            self._file = open(recorder.ledger.stem + ".ids", "wb", buffering=0)  # noqa: SIM115  lives as long as we do
        for row in rows:
            if self._written > LARGEST:
                return
            self._written += len(row)
            self._file.write(HEADER.pack(index, len(row)) + array("i", row).tobytes())

    def _decode(self, index: int, rows: list[list[int]], frame: FrameType | None, recorder: Any) -> None:
        """Text of the rows, for training sets that are text: by the tokenizer that the program holds."""
        if self._tokenizer is None:
            self._tokenizer = _tokenizer(frame)
        if self._tokenizer is not None:
            texts = [str(self._tokenizer.decode(row)) for row in rows]
            recorder.ledger.note("texts", order=index, texts=texts)

    def finish(self, recorder: Any) -> None:
        """Read the training loaders that were named, at the end of the process that evaluated."""
        for name in self._training if self._written else ():
            try:
                for batch in _loader(name):
                    for ids in _ids(batch, recorder.torch):
                        self._write(OF_LOADER, ids.reshape(-1, ids.shape[-1]).tolist(), recorder)
            except Exception as error:  # the program has ended: the judge says what happened
                recorder.ledger.note("data_failure", loader=name, error=f"{type(error).__name__}: {error}"[:300])


def _tokenizer(frame: FrameType | None) -> Any:
    """Find what decodes ids among the locals and globals of the frames that led here."""
    depth = 0
    while frame is not None and depth < DEPTH:
        for scope in (frame.f_locals, frame.f_globals):
            for value in list(scope.values()):
                kind = type(value)
                if callable(getattr(kind, "decode", None)) and callable(getattr(kind, "encode", None)):
                    if kind not in (str, bytes) and kind.__module__ not in ("builtins", "codecs"):
                        return value
        frame, depth = frame.f_back, depth + 1
    return None


def _loader(name: str) -> Any:
    """`pkg.module:name`: a loader, or a function that makes one."""
    import importlib

    module, _, attribute = name.partition(":")
    main = sys.modules.get("__main__")
    held = main if os.path.splitext(os.path.basename(getattr(main, "__file__", "") or ""))[0] == module else None
    found = getattr(held if held is not None else importlib.import_module(module), attribute)
    return found() if callable(found) and not hasattr(found, "__iter__") else found


def _ids(batch: Any, torch: Any) -> list[Any]:
    """The token ids of a batch: `input_ids`, or the first tensor of whole numbers."""
    if isinstance(batch, torch.Tensor):
        return [batch] if not batch.is_floating_point() and batch.dim() else []
    if hasattr(batch, "keys"):
        batch = [batch[name] for name in ("input_ids", "ids", "inputs", "tokens", *batch.keys()) if name in batch]
    parts = [part for value in batch for part in _ids(value, torch)] if isinstance(batch, (list, tuple)) else []
    return parts[:1]
