"""`lintloss server`: findings, fixes, rule pages and what loops compute, for editors over the language server protocol.

Nothing here checks files: what does is handed in (see Checker), so that this layer knows the protocol alone.
"""

from __future__ import annotations

from lintloss.server.checker import Checker, Document, Looked

__all__ = ["Checker", "Document", "Looked"]
