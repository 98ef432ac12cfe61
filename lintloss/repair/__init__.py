"""What the fixes of several rules share: code around a node, the count of scored labels, totals and their counters.

Rules import it inside `fix` only: LibCST is not loaded before something is fixed.
"""
