"""Start-up hook of an instrumented process: starts the ledger, then makes way for the user's own sitecustomize."""

from __future__ import annotations

import os
import sys


def _start() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    # The folder leaves sys.path (children still inherit it through PYTHONPATH), so the program sees its own path.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    if os.environ.get("LINTLOSS_PLAN"):
        _load_ledger(here)
    own = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  the user's, if there is one
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)


def _load_ledger(here: str) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    package = os.path.join(here, "lintloss_ledger")
    spec = spec_from_file_location(
        "lintloss_ledger", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["lintloss_ledger"] = module
    spec.loader.exec_module(module)
    module.start(os.environ["LINTLOSS_PLAN"])


_start()
