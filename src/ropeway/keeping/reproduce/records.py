"""What a reproduction is asked to do, what it gives back, and the verdict that follows."""

from typing import Literal

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.pipelines.records import Scalar, SliceRecord, StepOutcome

Verdict = Literal["identical", "equal", "differs", "cannot"]
"""identical: every digest is the same. equal: answers and metrics are, within the tolerance. differs: they
are not. cannot: something that it takes is gone, or the run could not be done again."""

Place = Literal["here", "clean"]
"""here: in a new process with the packages of this interpreter. clean: with those on record, newly
installed."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that does the run again is told. `inputs`: name to `NAME@DIGEST`."""

    inputs: dict[str, str]
    params: dict[str, Scalar]


class Remade(msgspec.Struct, frozen=True, kw_only=True):
    """What a run gave, as far as it can be held against another: the recorded one's, or the new one's.

    `content` is the identity that a model version of it would have.
    """

    steps: list[StepOutcome]
    slice: SliceRecord
    metrics: dict[str, float]
    content: Digest


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the process says at its end: what it made, or the error that ended it."""

    made: Remade | None = None
    error: str = ""


class MetricPair(msgspec.Struct, frozen=True, kw_only=True):
    """A metric as recorded, and as it came out now; None where one of the two lacks it."""

    name: str
    recorded: float | None
    now: float | None


class PackageChange(msgspec.Struct, frozen=True, kw_only=True):
    """A package whose version is another than on record; empty where it was not there."""

    name: str
    recorded: str
    now: str


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one run, or on the run that made a model version, with its reasons.

    Attributes:
        run: the run that was done again.
        model: the version that was asked for; empty when a run was.
        verdict: see `Verdict`.
        says: the verdict in one sentence.
        differs_at: the first step, in the run's order, that gave something else.
        farthest: the largest distance between two numeric answers on the recorded rows; None without any.
        tolerance: how far numbers may be apart, relative and absolute, to count as equal.
        metrics: those that either has.
        place: where it was done.
        python: the version of Python that did it.
        packages: versions that are not those on record.
        took_s: how long it took, in seconds.
    """

    run: RunId
    model: str = ""
    verdict: Verdict
    says: str
    differs_at: str = ""
    farthest: float | None = None
    tolerance: float
    metrics: list[MetricPair] = []
    place: Place
    python: str
    packages: list[PackageChange] = []
    took_s: float = 0.0
