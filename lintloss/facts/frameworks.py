"""Whose pass it is: torch's, of which version, or another framework's, which minds modes and gradients itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintloss.facts import classes, imports, variables
from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Scene
from lintloss.facts.machine import Machine
from lintloss.facts.values import Lib, Pending, Ref, options
from lintloss.patterns import regex

if TYPE_CHECKING:
    from lintloss.facts.scored_passes import Pass

TORCH = regex(r"^[ \t]*(?:from\s+torch\b|import\s+(?:[\w.]+(?: as \w+)?\s*,\s*)*torch\b)", re.MULTILINE)
TORCH_NAME = regex(r"^import\s+(?:\w+\s*,\s*)*torch\s*(?:$|,|#|;)", re.MULTILINE)
# MLX has torch's modes, and records no gradients that nobody asks for.
MLX = regex(r"^[ \t]*(?:from|import) mlx\b", re.MULTILINE)
OTHER = regex(r"^[ \t]*(?:from|import) (?:paddle|jax|flax|tensorflow|mxnet|mindspore|mlx)\b", re.MULTILINE)
OLD = regex(r"loss\w*\.data\[0\]|\bvolatile\b")  # PyTorch 0.3, which has no no_grad: inputs are volatile
# … and what it does not have, beside a line that was forgotten.
NEW = regex(r"loss\w*\.item\(\)|\breduction\s*=\s*['\"](mean|sum|none)['\"]|\btorch\.device\(")
JAX = regex(r"\b(jax|nnx|eqx|equinox)\.(filter_)?(jit|pmap)\b")
FRAMEWORKS = regex(r"TestCase|Lightning|(^|\.)\w*Trainer$|keras|Callback|Learner|(^|\.)pl\.")


def is_of_torch(machine: Machine, each: Pass) -> bool:
    """Say whether a file of the pass imports torch, the model's class is one of torch's, or a star import brings it along.

    The last two only where the file imports no other framework.
    """
    if _imports(each, TORCH):
        return True
    module = each.scene.module
    if OTHER.search(module.code) is not None:
        return False
    made = [one.cls for one in options(each.forward.model) if isinstance(one, Ref) and one.cls is not None]
    over = [base.name for cls in made for base in classes.bases(machine, cls) if isinstance(base, Lib)]
    if any(name.startswith("torch.nn.") for name in over):
        return True
    brought = machine.global_slot(module.path, "torch") if "import *" in module.code else None
    found = brought.value if brought is not None else None
    return Lib("torch") == (imports.resolve(machine, found) if isinstance(found, Pending) else found)


def is_of_mlx(each: Pass) -> bool:
    return _imports(each, MLX)


def _imports(each: Pass, library: re.Pattern[str]) -> bool:
    """Say whether the file of a region, or that of the forward pass, imports a library."""
    return any(library.search(module.code) for module in (each.scene.module, each.forward.module))


def is_another(each: Pass) -> bool:
    scenes = each.forward.scenes
    return any(FRAMEWORKS.search(base) for scene in scenes for base in scene.owner) or any(map(_is_compiled, scenes))


def _is_compiled(scene: Scene) -> bool:
    """Say whether JAX compiles a function: a file that takes its batches from torch's loaders may hold some."""
    return any(JAX.search(text_of(each)) for each in getattr(scene.node, "decorator_list", ()))


def is_old(machine: Machine, found: Pass) -> bool:
    """Say whether the code is for PyTorch 0.3, and its inputs may be volatile: a module that it has loaded makes them.

    A region that makes Variables itself, in code that never says volatile, records gradients in any version.
    """
    module = found.scene.module
    known = [module, *(each for each in machine.loaded() if each.path != module.path)]
    if variables.may_be_volatile(known):
        return True
    if OLD.search(module.code) is None or NEW.search(module.code) is not None:
        return False
    around = (loop.statement for loop in found.forward.loops if loop.frame == found.region.index + 1)
    if any(variables.wraps(text_of(each)) for each in (found.region.node(found.forward), *filter(None, around))):
        return False
    return not variables.are_made_by(machine.project, known)
