"""What serving asks of a model, and how its requests are read.

The reader itself lives in `models.reading`, since the gate sends its test rows through the same one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ropeway.models.reading import (
    FLOAT64_MAX,
    KINDS,
    MAX_ROWS,
    Kind,
    Problem,
    Request,
    Signature,
    shorten,
    shown,
)

__all__ = [
    "FLOAT64_MAX",
    "KINDS",
    "MAX_ROWS",
    "Kind",
    "Problem",
    "Request",
    "Servable",
    "Signature",
    "shorten",
    "shown",
]


class Servable(Protocol):
    """A model that can answer: what serving asks of a loaded model, and nothing more.

    `predict` takes a polars frame with exactly the columns of `inputs` and gives one row for each: a column
    `prediction`, or one numeric column per class. Called from one thread at a time, not always the same.
    """

    @property
    def ref(self) -> str:
        """The exact version: `sentiment@2`."""
        ...

    @property
    def inputs(self) -> Mapping[str, str]:
        """Column name to polars type name, in order: `{"text": "String"}`."""
        ...

    @property
    def nullable(self) -> Collection[str]:
        """The columns of `inputs` that may be null."""
        ...

    @property
    def outputs(self) -> Sequence[str]:
        """The columns of an answer."""
        ...

    def predict(self, rows: Any) -> Any:
        """Answers for a polars frame, as a polars frame with as many rows in the same order."""
        ...

    def close(self) -> None:
        """Let go of what it holds; it is not asked again."""
        ...
