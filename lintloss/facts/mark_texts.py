"""How code writes ids to be ignored, as patterns: the number itself, and blocks of it that arithmetic makes."""

from __future__ import annotations

_ONE = r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)"  # the arguments of a call, with calls inside
_INSIDE = rf"(?:[^()]|{_ONE})*"
_ZEROS = rf"\b(?:new_)?zeros(?:_like)?{_ONE}(?:\.\w+{_ONE})*\s*-\s*"
_LONG = rf"(?:{_ONE}\.long\(\)|\({_INSIDE}(?:long|int64|int)\))"

# -100 anywhere but in `n-100` and `train-clean-100`; `zeros(rows, width) - 100`.
MINUS_100 = rf"(?<![\w)\]])-100\b|{_ZEROS}100\b"
# -1 is ignored where it is filled in, and an axis or a size that is left open elsewhere: `x.view(rows, -1)`.
FILLED_WITH_MINUS_1 = (
    rf"\]\s*=\s*-1\b|\[-1\]\s*\*|(?:full|full_like|masked_fill_?|where)\({_INSIDE},\s*-1\s*[,)]|\bfill_\(-1\)|"
    r"\b(?:padding_value|fill_value|constant_values)\s*=\s*-1\b|\bvalue=-1\b|"
    rf"\bzeros(?:_like)?{_LONG}\s*-\s*1\b|\bones(?:_like)?{_LONG}\s*\*\s*-1\b|"
    rf"(?<![\w)\]])-\s*(?:1\s*\*\s*)?(?:torch\.|np\.|numpy\.)ones(?:_like)?{_LONG}"
)
