"""Stage: parsed modules -> facts: units, windows and what they were observed to do. The only door is `infer`."""

from lintloss.facts.infer import Facts, infer
from lintloss.facts.project import Project

__all__ = ["Facts", "Project", "infer"]
