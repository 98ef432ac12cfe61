"""Start-up hook of an instrumented process: starts the ledger, then makes way for the user's own sitecustomize."""

from __future__ import annotations

import os
import sys


def _start() -> None:
    if os.environ.get("LINTLOSS_PLAN"):
        import lintloss_ledger  # type: ignore[import-not-found]  # beside this file, which is on sys.path here

        lintloss_ledger.start(os.environ["LINTLOSS_PLAN"])
    # The folder leaves sys.path (children still inherit it through PYTHONPATH), so the program sees its own path.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    own = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  the user's, if there is one
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)


_start()
