"""Table: the criterion functions of torch.nn.functional, their positional arguments, and what their targets are."""

from __future__ import annotations

_LEGACY = ("size_average", "reduce")

# name -> positional parameters, as documented in torch 2.4 to 2.13. A function that torch lacks is skipped.
CRITERIA: dict[str, tuple[str, ...]] = {
    "cross_entropy": (
        "input",
        "target",
        "weight",
        "size_average",
        "ignore_index",
        "reduce",
        "reduction",
        "label_smoothing",
    ),
    "nll_loss": ("input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction"),
    "linear_cross_entropy": ("input", "linear_weight", "target"),
    "kl_div": ("input", "target", "size_average", "reduce", "reduction", "log_target"),
    "mse_loss": ("input", "target", "size_average", "reduce", "reduction", "weight"),
    "l1_loss": ("input", "target", "size_average", "reduce", "reduction", "weight"),
    "smooth_l1_loss": ("input", "target", "size_average", "reduce", "reduction", "beta"),
    "huber_loss": ("input", "target", "reduction", "delta", "weight"),
    "binary_cross_entropy": ("input", "target", "weight", "size_average", "reduce", "reduction"),
    "binary_cross_entropy_with_logits": (
        "input",
        "target",
        "weight",
        "size_average",
        "reduce",
        "reduction",
        "pos_weight",
    ),
    "gaussian_nll_loss": ("input", "target", "var", "full", "eps", "reduction"),
    "poisson_nll_loss": ("input", "target", "log_input", "full", "size_average", "eps", "reduce", "reduction"),
    "hinge_embedding_loss": ("input", "target", "margin", "size_average", "reduce", "reduction"),
    "multi_margin_loss": ("input", "target", "p", "margin", "weight", "size_average", "reduce", "reduction"),
    "soft_margin_loss": ("input", "target", "size_average", "reduce", "reduction"),
}

# Criteria whose targets are class indices and that know ignore_index.
INDEXED = frozenset({"cross_entropy", "nll_loss", "linear_cross_entropy"})


def bind(names: tuple[str, ...], args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]:
    """Name the arguments of a criterion call; the legacy size_average and reduce become a reduction."""
    if not kwargs and len(args) < 3:  # nothing legacy among them
        return dict(zip(names, args, strict=False))
    if not args:
        bound = dict(kwargs)
    else:
        bound = dict(zip(names, args, strict=False))
        bound.update(kwargs)
    for legacy in _LEGACY:
        if bound.get(legacy) is not None:
            bound["reduction"] = _legacy_reduction(bound.get("size_average"), bound.get("reduce"))
    return bound


def _legacy_reduction(size_average: object, reduce: object) -> str:
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"
