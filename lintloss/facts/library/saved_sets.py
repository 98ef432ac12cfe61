"""Data sets on disk: `load_from_disk(ROWS)` reads what another script of the project made and wrote, `rows.save_to_disk(ROWS)`.

The two meet in a path that both write out, or that goes by the name of one constant.
"""

from __future__ import annotations

import re

from lintloss.facts.machine import Machine
from lintloss.parse import Module
from lintloss.patterns import regex

READ = regex(r"\bload_from_disk\(\s*((?P<quote>[\"'])[^\"'{}\n]+(?P=quote)|[A-Z][A-Z0-9_]+)\s*[,)]")


def writers(machine: Machine, reader: Module) -> list[Module]:
    """Return the other files that write the data sets that a file reads."""
    paths = {found.group(1).strip("\"'") for found in READ.finditer(reader.code)}
    if not paths:
        return []
    wrote = re.compile(rf"\.save_to_disk\(\s*[\"']?({'|'.join(map(re.escape, sorted(paths)))})[\"']?\s*[,)]")
    others = machine.project.using(reader.path, "save_to_disk", ["save_to_disk"])
    return [each for each in others if wrote.search(each.code)]
