"""Models that clients register from afar: a name, versions of it that are files, aliases that are free.

A version has its place in the state machine of all versions, as a candidate; what an environment points to is
moved by `models.promote` alone.

Not here: the protocol of such a client (`server.mlflow`); packages of ours.
"""
