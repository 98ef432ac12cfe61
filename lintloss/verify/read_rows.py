"""Stage: the file of rows that a process kept (--data, LL403) -> (event order, ids as little 32-bit bytes)."""

from __future__ import annotations

import struct

from lintloss.verify.events import Tape

HEADER = struct.Struct("<II")  # inject/lintloss_ledger/data.py writes it
OF_LOADER = 0xFFFFFFFF  # a row of a training loader that the command line named

Rows = tuple[tuple[int, bytes], ...]


def read_rows(tape: Tape) -> Rows:
    """Read what is whole; a killed process may have left half a row."""
    if tape.ids is None:
        return ()
    blob = tape.ids.read_bytes()
    found, place = [], 0
    while place + HEADER.size <= len(blob):
        order, tokens = HEADER.unpack_from(blob, place)
        place += HEADER.size
        if place + 4 * tokens > len(blob):
            break
        found.append((order, blob[place : place + 4 * tokens]))
        place += 4 * tokens
    return tuple(found)
