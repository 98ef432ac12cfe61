"""Stage: tapes -> what the ledger says that it did not see. Silence about a loss must not be taken for none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.verify import wording
from lintloss.verify.events import Frame, Tape


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that may be a loss and was not recorded, or a failure of the recorder's own."""

    what: str
    reason: str
    frame: Frame | None = None

    @property
    def place(self) -> str | None:
        return None if self.frame is None else wording.line(self.frame)

    def __str__(self) -> str:
        return f"{self.what}{f' at {self.place}' if self.frame else ''}: {self.reason}"

    def as_json(self) -> dict[str, object]:
        return {"what": self.what, "reason": self.reason, "place": self.place}


def gaps(tapes: tuple[Tape, ...]) -> tuple[Gap, ...]:
    """Each once, however many ranks say it."""
    told = [gap for tape in tapes for note in tape.notes if (gap := _gap(note, tape)) is not None]
    return tuple(dict.fromkeys([*told, *missing_ranks(tapes)]))


def missing_ranks(tapes: tuple[Tape, ...]) -> Iterator[Gap]:
    """What is right over all ranks is not known where some of them left no ledger."""
    jobs: dict[tuple[str, int], set[int]] = {}
    for process in (tape.process for tape in tapes):
        if process.rank is not None and process.world_size is not None:
            jobs.setdefault((process.job, process.world_size), set()).add(process.rank)
    for (_, world), ranks in jobs.items():
        if len(ranks) < world:
            reason = "they left no ledger: they died early, or ran where the run folder is not shared (--keep FOLDER)"
            yield Gap(f"{world - len(ranks):,} of {world:,} ranks", reason)


def _gap(note: dict[str, object], tape: Tape) -> Gap | None:
    if note["kind"] == "unseen":
        site = tape.sites.get(int(str(note["site"])))
        return Gap(str(note["criterion"]), str(note["reason"]), next(iter(site.frames), None) if site else None)
    if note["kind"] == "failure":
        return Gap("the recorder failed", str(note["error"]))
    return None
