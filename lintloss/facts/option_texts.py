"""Option texts: whether a script, a manual or a settings file beside the code gives an option its value.

An option's default is what is scored only where nobody gives another one, and that is often done in no Python file:
`python eval.py --max-batches 1000` stands in a shell script, in the README, or as `max_batches: 1000` in a YAML file.
"""

from __future__ import annotations

import ast
import re

from lintloss.facts.project import Project
from lintloss.facts.survey import called_name, walk
from lintloss.facts.texts import MANUALS
from lintloss.parse import Module
from lintloss.patterns import regex

DECLARES = regex(r"^(add_argument|add_arg|option|Option|DEFINE_\w+)$")


def are_given(project: Project, module: Module, name: str) -> bool:
    """Say whether a text around a module, or a command that its files run, gives an option."""
    spelled = re.escape(name).replace("_", "[-_]")
    flag = rf"--{spelled}(?![-\w])"
    entry = rf"(?<![-\w]){spelled}['\"]?[ \t]*[:=]"
    given = re.compile(rf"{flag}|{entry}".encode())
    shown = re.compile(rf"{flag}[ =]+\d".encode())  # a manual that only lists the options gives none
    for path, text in project.texts(module.path):
        if (shown if path.endswith(MANUALS) else given).search(text):
            return True
    dashed = name.replace("_", "-")
    around = [module, *(each for word in {name, dashed} for each in project.using(module.path, word, ["--" + word]))]
    return any(_runs(each, re.compile(flag)) for each in around)


def _runs(module: Module, flag: re.Pattern[str]) -> bool:
    """Say whether a flag stands in a text of a file that declares no option with it: `run(["eval.py", "--steps", "9"])`."""
    if flag.search(module.code) is None:
        return False
    nodes = walk(module.tree)
    declared = {
        id(each)
        for node in nodes
        if isinstance(node, ast.Call) and DECLARES.search(called_name(node.func))
        for each in walk(node)
    }
    texts = (each for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str))
    return any(flag.match(str(each.value)) is not None and id(each) not in declared for each in texts)
