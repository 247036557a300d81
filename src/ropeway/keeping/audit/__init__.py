"""Was history changed? The whole check, proofs for one event or two heads, exports, and the key.

Not here: the tree (`ledger.tree`), when heads are signed (`workspace.checkpoints`), the check that needs
neither database nor this package (`ropeway.offline`).
"""
