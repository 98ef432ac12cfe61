"""Rule packs -> the rules of a run. A pack is a package whose modules hold one Rule each; its listing is the catalogue.

A file name such as `ll101_batch_averaged_loss.py` tells code and name, so that rules are chosen, and `--select` is
checked, without importing any; a class is loaded when something was observed that it may judge.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from lintloss.errors import LintlossError, UsageError

if TYPE_CHECKING:
    from lintloss.rule import Rule

BUILT_IN = "lintloss_rules"
GROUP = "lintloss.rules"


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule as its file name tells it."""

    code: str
    name: str
    module: str
    path: str

    def load(self) -> type[Rule]:
        """Import the rule's class: the one Rule that its module defines.

        Raises: LintlossError: the module does not import, or defines none or several.
        """
        from lintloss.rule import Rule

        try:
            module = import_module(self.module)
        except Exception as failure:  # whatever a third party's module does when imported
            raise LintlossError(f"rule {self.code} cannot be loaded: {failure!r}", where=self.path) from failure
        own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == self.module]
        rules = [each for each in own if issubclass(each, Rule)]
        if len(rules) != 1:
            raise LintlossError(f"a rule file defines one Rule, this one {len(rules)}", where=self.path)
        return rules[0]


def entries() -> tuple[Entry, ...]:
    """List all rules of all packs, by code.

    Raises: LintlossError: two rules share a code or a name.
    """
    found = sorted((each for pack in packs() for each in _listing(pack)), key=lambda each: (each.code, each.module))
    taken: dict[str, Entry] = {}
    for each in found:
        for label in (each.code, each.name):
            other = taken.setdefault(label, each)
            if other is not each:
                raise LintlossError(f"two rules are called {label}", where=each.path, hint=f"the other is {other.path}")
    return tuple(found)


def known(rules: Iterable[Entry]) -> dict[str, str]:
    """Map code and name, in lower case, to the code."""
    return {label.lower(): each.code for each in rules for label in (each.code, each.name)}


def packs() -> tuple[str, ...]:
    """Name the packages that hold rules: the built-in one, and those that installed distributions announce."""
    return (BUILT_IN, *(pack for pack in _announced() if pack != BUILT_IN))


def _announced() -> tuple[str, ...]:
    """Read the entry points of our group.

    Measured: importlib.metadata takes 50 ms; asking each `*.dist-info` whether its entry_points.txt names our group
    takes 1 ms for 50 distributions, and only if one does is there anything to parse.
    """
    names: dict[str, None] = {}
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or os.curdir) as items:
                infos = [item.path for item in items if item.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for info in infos:
            names.update(dict.fromkeys(_group(os.path.join(info, "entry_points.txt"))))
    return tuple(sorted(names))


def _group(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return []
    if GROUP.encode() not in data:
        return []
    section, modules = "", []
    for line in data.decode("utf-8", "replace").splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == GROUP and "=" in line and not line.startswith(("#", ";")):
            modules.append(line.partition("=")[2].partition("[")[0].strip())
    return modules


def _listing(pack: str) -> list[Entry]:
    try:
        folders = list(import_module(pack).__path__)
    except Exception as failure:
        raise LintlossError(f"the rule pack {pack} cannot be imported: {failure!r}", hint="uninstall it") from failure
    names = [(folder, name) for folder in folders for name in sorted(os.listdir(folder))]
    return [each for folder, name in names if (each := _entry(pack, folder, name)) is not None]


def _entry(pack: str, folder: str, name: str) -> Entry | None:
    stem, suffix = os.path.splitext(name)
    code, _, rest = stem.partition("_")
    letters = code.rstrip("0123456789")
    if suffix != ".py" or not rest or not letters.isalpha() or letters == code:
        return None
    return Entry(code.upper(), rest.replace("_", "-"), f"{pack}.{stem}", os.path.join(folder, name))


@dataclass(frozen=True, slots=True)
class Choice:
    """The rules of a run: those asked for by name run even if they are off by default, the others if they are on."""

    asked: frozenset[str]
    default: frozenset[str]

    def __contains__(self, code: str) -> bool:
        return code in self.asked or code in self.default


def choose(
    rules: Sequence[Entry], *, select: Iterable[str], extend: Iterable[str] = (), ignore: Iterable[str] = ()
) -> Choice:
    """Choose by code, prefix, name or ALL; of two selectors that cover a rule the narrower one decides.

    Raises: UsageError: a selector fits no rule.
    """
    weights: dict[str, int] = {each.code: 0 for each in rules} if not tuple(select) else {}
    for selector in (*select, *extend):
        for code, weight in _fitting(rules, selector):
            weights[code] = max(weights.get(code, 0), weight)
    for selector in ignore:
        for code, weight in _fitting(rules, selector):
            if weight >= weights.get(code, 0):
                weights.pop(code, None)
    asked = frozenset(code for code, weight in weights.items() if weight in (_ALL, _EXACT))
    return Choice(asked, frozenset(weights) - asked)


_ALL, _EXACT = 1, 1000


def _fitting(rules: Sequence[Entry], selector: str) -> list[tuple[str, int]]:
    """Return the codes that a selector covers, and how narrow it is."""
    wanted = selector.strip()
    if wanted.upper() == "ALL":
        return [(each.code, _ALL) for each in rules]
    exact = [each.code for each in rules if wanted.lower() in (each.code.lower(), each.name)]
    if exact:
        return [(code, _EXACT) for code in exact]
    found = [each.code for each in rules if each.code.startswith(wanted.upper())] if wanted else []
    if not found:
        raise UsageError(f"no rule fits `{selector}`", hint=_nearest(wanted, known(rules)))
    return [(code, 1 + len(wanted)) for code in found]


def _nearest(word: str, labels: Mapping[str, str]) -> str:
    import difflib

    near = difflib.get_close_matches(word.lower(), labels, n=1)
    if not near:
        return "`lintloss rule --all` lists the rules"
    code = labels[near[0]]
    return f"did you mean `{code if code.lower() == near[0] else near[0]}`?"
