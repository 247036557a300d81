"""What may stand between a version that another tool packaged and the gate.

Refused
├── Quarantined           it can only be loaded by running what is in it
Invalid
├── PackageUnreadable     its MLmodel says nothing that could be loaded here
└── ColumnsUnknown        its signature and the project's rows do not go together
Unavailable
└── LoaderMissing         the library that reads it is not installed
Failed
└── ForeignAnswer         the model raised, or gave something that is no answer
"""

from collections.abc import Sequence

from ropeway.core.errors import Failed, Invalid, Refused, Unavailable
from ropeway.core.hashing import short


class Quarantined(Refused):
    """A version that can only be loaded by running what is in it, and that nobody here has approved."""

    code = "quarantined"

    def __init__(self, ref: str, source: str, why: str) -> None:
        super().__init__(
            f"{ref} is in quarantine: {why}. It is neither judged nor served, since loading it runs it.",
            expected="a format that runs nothing when it is loaded (skops, ONNX, a booster's own), or one"
            f" with the permission to trust who answers for exactly these files ({short(source)})",
            next_step=f"log it as skops or ONNX; or, once its origin is known: ropeway model trust {source}",
            ref=ref,
            source=source,
        )


class PackageUnreadable(Invalid):
    """What a package says of itself leads to nothing that could be loaded here."""

    code = "package-unreadable"

    def __init__(self, ref: str, what: str) -> None:
        super().__init__(
            f"The package of {ref} cannot be read: {what}.",
            expected="a model that MLflow logged as sklearn (skops), onnx, xgboost, lightgbm or catboost",
            next_step="log it again with one of these flavors, and register that",
            ref=ref,
        )


class ColumnsUnknown(Invalid):
    """A package's signature and the rows that it would be judged on do not go together."""

    code = "columns-unknown"

    def __init__(self, ref: str, what: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{ref} cannot be asked about this project's rows: {what}.",
            expected="columns of [inputs.rows], which has " + ", ".join(f"'{name}'" for name in known),
            next_step=f"name them in their order: ropeway model adopt {ref} --columns A,B,C",
            ref=ref,
        )


class LoaderMissing(Unavailable):
    """The library that reads a model file is not installed here."""

    code = "loader-missing"

    def __init__(self, ref: str, library: str, install: str) -> None:
        super().__init__(
            f"{ref} is read by {library}, which is not installed here.",
            expected=f"{library} in this environment",
            next_step=f"pip install {install}",
            ref=ref,
            library=library,
        )


class ForeignAnswer(Failed):
    """A foreign model raised, or gave what cannot be read as its answers."""

    code = "foreign-model-failed"

    def __init__(self, ref: str, what: str) -> None:
        super().__init__(
            f"{ref} was asked and {what}.",
            expected="a number for each row, a class for each row, or a probability for each class",
            next_step="ropeway model show names what it takes; does its library's version fit?",
            ref=ref,
        )
