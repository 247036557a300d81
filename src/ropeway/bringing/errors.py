"""What may stand between a store of another tool and this workspace.

NotFound     └── NoStoreThere
Unavailable  └── StoreUnreachable
"""

from ropeway.core.errors import NotFound, Unavailable


class NoStoreThere(NotFound):
    """Nothing that MLflow keeps its runs in lies at that place."""

    code = "no-store-there"

    def __init__(self, given: str) -> None:
        super().__init__(
            "store of MLflow",
            given[:200],
            next_step="name a server (http://host:5000), a folder (./mlruns), or sqlite:///mlflow.db",
        )


class StoreUnreachable(Unavailable):
    """The store cannot be read any further."""

    code = "store-unreachable"

    def __init__(self, given: str, said: str) -> None:
        super().__init__(
            f"The store at {given[:200]} does not answer as MLflow does: {said[:300]}.",
            expected="a tracking server of MLflow, or its files as it left them",
            next_step="repeat the command: what has come is kept, and nothing comes twice",
        )


class OutOfReach(Exception):
    """What is not brought over; the text says why."""
