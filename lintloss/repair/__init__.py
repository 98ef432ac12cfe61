"""What the fixes of several rules share: code around a node, the count of scored labels, totals and their counters.

All but `pieces` load LibCST, which takes 200 ms: rules import them inside `fix` only.
"""
