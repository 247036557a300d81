"""Runs that are recorded from afar, call by call, by a client that is not ours: experiments, files, models.

Such a run has no spool and no snapshot of its code: what its client says is all that is known of it. It is a
run like any other for those who search, compare and ask why.

Not here: the protocol of such a client (`server.mlflow`); points, which are no events.
"""
