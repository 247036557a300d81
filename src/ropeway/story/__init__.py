"""Read-only accounts that cross rooms: where something came from, and where the project stands.

Nothing is written here, and no room is told how to work: stories are read from the ledger's events and edges,
and from the prediction log.
"""
