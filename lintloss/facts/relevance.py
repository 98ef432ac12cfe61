"""Relevance: which functions and classes of other files can matter to a loss, judged on their words, once each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from lintloss.facts.words import quick
from lintloss.parse import Module
from lintloss.patterns import regex

WORDS = quick(
    r"loss|criterion|entropy|(?<![a-zA-Z])nll|(?<![a-zA-Z])ppl|perplex|softmax|no_grad|inference_mode|ignore_index|label|target|drop_last|"
    r"DataLoader|shift|logits|pad_|tokens|token_|_token|tokeniz|Dropout|dropout|avg|average|\bcount\b|total|__getitem__|\.eval\(|all_reduce|gather|block_size|"
    r"get_batch|seq_len|forward|load_state_dict|<pad|one_?hot|Model\(|Net\(|LM\(|GPT\(|Transformer\(|Seq2Seq\("
)


ROOT_WORDS = quick(
    r"loss|criterion|entropy|(?<![a-zA-Z])nll|(?<![a-zA-Z])ppl|perplex|log_?prob|logits|softmax|(?<![a-zA-Z])exp\(|drop_last|DataLoader|"
    r"bits_?per_|(?<![a-z])bp[bc](?![a-z])"
)
DATA = regex(r"Dataset\b|DataLoader|dataset\(|collate")
WINDOWS = regex(r"token|input_ids|window|max_length|encodings|context")  # with a stride: not every convolution
COUNTING = regex(r"loader|batch|dataset|avg|average|mean|sum\(")  # with arithmetic that no known call reaches
# Words of any code; as parts of a name they are about evaluation: `evaluate`, `test_loop`, not `latest`, `invalid`.
WEAK_WORDS = regex(
    r"(?<![a-z])(eval(?!_expr|\()|val_|test|valid(?!ate_|_)|score|metric)|\.eval\(\)|no_grad|trainer(\.train)?\(",
    re.IGNORECASE,
)


# Functions that make, or choose, what an evaluation is given: `build_model`, `get_criterion`, `gnn_model`.
BUILDS = regex(r"(?<![a-z])(model|net|network|criterion|losses|loss|dataset|dataloader|loader)s?$", re.IGNORECASE)
# classes that add up, or keep, what they are given
METERS = regex(r"Meter|Metric|Averag|Mean|Accumul|Tracker|Counter|Stat(s|istic)|Record(er|s)|History|Monitor|Logger")
SHORT = 12  # rows: a constructor or a reset() costs less than it is worth


def _is_short(node: ast.AST) -> bool:
    return (getattr(node, "end_lineno", None) or 0) - getattr(node, "lineno", 0) < SHORT


class Relevance:
    """Remembers, per definition, whether its code holds a word that matters."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._codes: dict[ast.AST, str] = {}
        self._known: dict[ast.AST, bool] = {}
        self._roots: dict[ast.AST, bool] = {}

    def of(self, module: Module, node: ast.AST) -> bool:
        """Say whether a definition of another file is worth running."""
        if node not in self._known:
            name = getattr(node, "name", "")
            named = BUILDS.search(name) is not None or (
                isinstance(node, ast.ClassDef) and METERS.search(name) is not None
            )
            self._known[node] = named or _is_short(node) or WORDS.search(self._code(module, node)) is not None
        return self._known[node]

    def want(self, node: ast.AST) -> None:
        """Let a definition be worth running whatever its words: it makes the rows that are scored."""
        self._known[node] = True

    def makes_data(self, module: Module, node: ast.AST) -> bool:
        """Say whether a definition of another file makes what is evaluated."""
        return DATA.search(self._body(module, node)) is not None

    def is_root(self, module: Module, node: ast.AST) -> bool:
        """Say whether a function of the checked file is worth running for its own sake."""
        if node not in self._roots:
            body = self._code(module, node)
            windows = "stride" in body and WINDOWS.search(body) is not None
            self._roots[node] = windows or ROOT_WORDS.search(body) is not None or WEAK_WORDS.search(body) is not None
        return self._roots[node]

    def add_roots(self, callers: Iterable[ast.AST | None]) -> None:
        """Let the callers of what scores be worth running: they say what it is given."""
        self._roots.update({node: True for node in callers if node is not None})

    def counts(self, module: Module, node: ast.AST) -> bool:
        """Say whether a function of the checked file may count, or take means, though it has no word of evaluation."""
        return COUNTING.search(self._code(module, node)) is not None

    def scores(self, module: Module, node: ast.AST) -> bool:
        """Say whether a function of the checked file speaks of losses itself."""
        return ROOT_WORDS.search(self._code(module, node)) is not None

    def _code(self, module: Module, node: ast.AST) -> str:
        """Return a definition without its docstring and comments: what they speak of is not done there."""
        known = self._codes.get(node)
        if known is None:
            known = self._codes[node] = self._stripped(module, node)
        return known

    def _stripped(self, module: Module, node: ast.AST) -> str:
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        lines = self._body(module, node).split("\n")
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            start = getattr(node, "lineno", 1)
            del lines[first.lineno - start : (first.end_lineno or first.lineno) - start + 1]
        return "\n".join(line.partition("#")[0] for line in lines)

    def _body(self, module: Module, node: ast.AST) -> str:
        if module.path not in self._lines:
            self._lines[module.path] = module.code.split("\n")
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1) or 1
        return "\n".join(self._lines[module.path][first - 1 : last])
