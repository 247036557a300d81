"""What can go wrong when a story is asked for.

NotFound └── UnknownReference     Invalid ├── AmbiguousReference
                                          └── ReportNotWritten
"""

from collections.abc import Iterable, Sequence

from ropeway.core.errors import Invalid, NotFound


class UnknownReference(NotFound):
    """Nothing in this project answers to the reference."""

    code = "unknown-reference"

    def __init__(self, asked: str, known: Iterable[str]) -> None:
        super().__init__(
            "prediction, model version, run or dataset",
            asked,
            known,
            next_step="ropeway model list, ropeway runs or ropeway data list show what there is",
        )


class AmbiguousReference(Invalid):
    """A shortened reference fits more than one thing."""

    code = "ambiguous-reference"

    def __init__(self, asked: str, candidates: Sequence[str]) -> None:
        super().__init__(
            f"'{asked}' fits {len(candidates)} things: {', '.join(candidates[:6])}.",
            expected="a longer beginning, or the whole id",
            next_step=f"ropeway why {candidates[0]}",
            asked=asked,
            candidates=list(candidates),
        )


class ReportNotWritten(Invalid):
    """The page cannot be written to the place that was asked for."""

    code = "report-not-written"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The report cannot be written to '{path}': {reason}.",
            expected="a file in a folder that exists and that you may write to",
            next_step="ropeway monitor report --out monitor.html",
            path=path,
        )
