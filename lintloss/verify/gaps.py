"""Stage: tapes -> what the ledger says that it did not see. Silence about a loss must not be taken for none."""

from __future__ import annotations

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
    return tuple(dict.fromkeys(gap for tape in tapes for note in tape.notes if (gap := _gap(note, tape)) is not None))


def _gap(note: dict[str, object], tape: Tape) -> Gap | None:
    if note["kind"] == "unseen":
        site = tape.sites.get(int(str(note["site"])))
        return Gap(str(note["criterion"]), str(note["reason"]), next(iter(site.frames), None) if site else None)
    if note["kind"] == "failure":
        return Gap("the recorder failed", str(note["error"]))
    return None
