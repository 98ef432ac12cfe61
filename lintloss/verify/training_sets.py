"""Stage: a training set named by its path -> stretches of token ids, or texts, whatever its files hold."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lintloss.errors import UsageError
from lintloss.verify.ngrams import numpy

Piece = Any  # a numpy array of ids, or a str
WIDTHS = ("uint16", "uint32", "int64")  # what token files without a header hold: all are tried
ID_FIELDS = ("input_ids", "ids", "tokens", "token_ids")
TEXT_FIELDS = ("text", "content", "document", "sentence")


def check(path: Path) -> None:
    """Raise UsageError for a training set that cannot be read, before anything is run."""
    if not path.exists():
        raise UsageError("no such training set", where=str(path), hint="a file, a folder, or pkg.module:loader")
    if not files(path):
        raise UsageError("holds nothing that can be searched", where=str(path), hint=f"known: {', '.join(READERS)}")
    if any(each.suffix in (".parquet", ".arrow") for each in files(path)):
        _pyarrow(path)


def files(path: Path) -> tuple[Path, ...]:
    """Return the files of a training set: itself, or those of a folder that are of a known kind."""
    listed = (path,) if path.is_file() else tuple(sorted(path.rglob("*")))
    return tuple(each for each in listed if each.suffix in READERS and each.is_file())


def holds_text(path: Path) -> bool:
    """Tell whether texts are to be compared: the evaluated rows must then be decoded."""
    return any(each.suffix not in (".bin", ".dat", ".tokens", ".npy") for each in files(path))


def pieces(path: Path) -> Iterator[Piece]:
    for each in files(path):
        yield from READERS[each.suffix](each)


def _tokens(path: Path) -> Iterator[Piece]:
    np = numpy()
    size = path.stat().st_size
    for width in WIDTHS:
        count = size // np.dtype(width).itemsize
        if count:
            yield np.memmap(path, dtype=width, mode="r", shape=(count,))


def _npy(path: Path) -> Iterator[Piece]:
    np = numpy()
    held = np.load(path, mmap_mode="r", allow_pickle=False)
    if held.dtype.kind in "iu":
        yield from held.reshape(-1, held.shape[-1]) if held.ndim > 1 else (held,)


def _text(path: Path) -> Iterator[Piece]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        while piece := stream.read(1 << 22):
            yield piece + stream.readline()


def _json_lines(path: Path) -> Iterator[Piece]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                row = json.loads(line)
            except ValueError:
                continue  # a broken line is no training example
            yield from _of_row(row)


def _json(path: Path) -> Iterator[Piece]:
    held = json.loads(path.read_text(encoding="utf-8"))
    for row in held if isinstance(held, list) else [held]:
        yield from _of_row(row)


def _of_row(row: object) -> Iterator[Piece]:
    if isinstance(row, str):
        yield row
    elif isinstance(row, list) and row and all(type(token) is int for token in row):
        yield numpy().asarray(row, dtype="int64")
    elif isinstance(row, dict):
        for name in (*ID_FIELDS, *TEXT_FIELDS):
            if name in row:
                yield from _of_row(row[name])


def _parquet(path: Path) -> Iterator[Piece]:
    table = _pyarrow(path).parquet.ParquetFile(path)
    wanted = [name for name in table.schema_arrow.names if name in (*ID_FIELDS, *TEXT_FIELDS)]
    for batch in table.iter_batches(columns=wanted):
        yield from _of_batch(batch)


def _arrow(path: Path) -> Iterator[Piece]:
    """What datasets.save_to_disk writes."""
    with _pyarrow(path).memory_map(str(path)) as source:
        for batch in _pyarrow(path).ipc.open_stream(source):
            yield from _of_batch(batch)


def _of_batch(batch: Any) -> Iterator[Piece]:
    for name in batch.schema.names:
        if name in (*ID_FIELDS, *TEXT_FIELDS):
            for row in batch.column(name).to_pylist():
                yield from _of_row(row)


def _pyarrow(path: Path) -> Any:
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise UsageError("pyarrow reads this", where=str(path), hint="python -m pip install pyarrow") from error


READERS: dict[str, Callable[[Path], Iterator[Piece]]] = {
    ".bin": _tokens, ".dat": _tokens, ".tokens": _tokens, ".npy": _npy, ".txt": _text, ".md": _text,
    ".jsonl": _json_lines, ".json": _json, ".parquet": _parquet, ".arrow": _arrow,
}  # fmt: skip
