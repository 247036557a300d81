"""The facts about runs. Released shapes never change."""

from collections.abc import Iterable

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.ledger import Edge, Event, event

Scalar = bool | int | float | str
"""What a param may be. Numbers that JSON cannot say (NaN, beyond ±2^53) are kept as text."""


class CodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The project's files as they stood: a tree in the store, and where it came from.

    Attributes:
        tree: the files by name.
        commit: git's id of the last commit; empty without git.
        is_dirty: whether something differed from that commit.
        left_out: files that were not kept, with the reason; the first few.
        left_out_count: how many in all.
    """

    tree: Digest
    commit: str = ""
    is_dirty: bool = False
    left_out: list[str] = []
    left_out_count: int = 0


class HostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, without its name."""

    system: str
    machine: str
    cores: int
    memory_bytes: int


class ArtifactRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A named file of a run: its bytes are an object."""

    digest: Digest
    size_bytes: int


NO_NUMBERS = ("nan", "inf", "-inf")


class MetricSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All points of one key. What JSON cannot say is text: `nan`, `inf`, `-inf`.

    Attributes:
        last: the point logged last.
        min: the lowest that is a number; None when none is.
        max: the highest.
        count: how many points.
    """

    last: float | str
    min: float | str | None
    max: float | str | None
    count: int

    def __post_init__(self) -> None:
        for value in (self.last, self.min, self.max):
            if isinstance(value, str) and value not in NO_NUMBERS:
                raise ValueError(f"a metric's text is one of {', '.join(NO_NUMBERS)}")


class Harvest(msgspec.Struct, frozen=True, kw_only=True):
    """What a run's spool held at the end.

    Attributes:
        points: the sealed segment of metric points; None when there are none.
        point_count: the number of its records.
        metrics: the summary of each key.
        artifacts: by name; the last of each.
        inputs: references that were used after the start.
    """

    points: Digest | None = None
    point_count: int = 0
    metrics: dict[str, MetricSummary] = {}
    artifacts: dict[str, ArtifactRecord] = {}
    inputs: list[str] = []

    def objects(self) -> list[Digest]:
        """The objects that it names: the points and the artifacts."""
        points = [] if self.points is None else [self.points]
        return points + [artifact.digest for artifact in self.artifacts.values()]


@event("run-started", erasable=("name", "params", "tags", "argv", "hostname"))
class RunStarted(Event, frozen=True, kw_only=True):
    """A run began."""

    run: RunId
    kind: str
    name: str | None
    params: dict[str, Scalar] | None
    tags: dict[str, Scalar] | None
    argv: list[str] | None
    hostname: str | None
    inputs: list[str]
    parent: RunId | None
    code: CodeRecord
    environment: Digest
    host: HostRecord

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """Its inputs, its code, and the run it is part of."""
        yield from _used(self.inputs, self.run)
        yield Edge(f"code:{self.code.tree}", "code-of", f"run:{self.run}")
        if self.parent is not None:
            yield Edge(f"run:{self.parent}", "parent-of", f"run:{self.run}")

    def objects(self) -> Iterable[Digest]:
        """The code and the list of packages."""
        return (self.code.tree, self.environment)


@event("run-finished", erasable=("params", "tags", "error"))
class RunFinished(Event, frozen=True, kw_only=True):
    """A run came to its end: `finished`, or `failed` when its code raised.

    Attributes:
        params: those that were set after the start.
        tags: likewise.
        error_type: the exception's class; empty without one.
        error: its message.
    """

    run: RunId
    status: str
    harvest: Harvest
    params: dict[str, Scalar] | None
    tags: dict[str, Scalar] | None
    error_type: str
    error: str | None
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """Inputs used on the way."""
        yield from _used(self.harvest.inputs, self.run)

    def objects(self) -> Iterable[Digest]:
        """Points and artifacts."""
        return self.harvest.objects()


@event("run-interrupted", erasable=("params", "tags"))
class RunInterrupted(Event, frozen=True, kw_only=True):
    """A run's process was gone before the run ended. What it had acknowledged is kept.

    Attributes:
        last_sign_at: when it recorded something for the last time, ISO 8601 in UTC; None when never.
        was_torn: whether a record was cut off in the middle (and had not been acknowledged), or bytes of it
            were damaged (they were kept beside, and `fsck` names them).
    """

    run: RunId
    harvest: Harvest
    params: dict[str, Scalar] | None
    tags: dict[str, Scalar] | None
    last_sign_at: str | None
    was_torn: bool

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """Inputs used on the way."""
        yield from _used(self.harvest.inputs, self.run)

    def objects(self) -> Iterable[Digest]:
        """Points and artifacts."""
        return self.harvest.objects()


@event("run-dated")
class RunDated(Event, frozen=True, kw_only=True):
    """A run began or ended earlier than the ledger learnt of it: the times are those of who recorded it.

    Attributes:
        began_at: ISO 8601 in UTC; None where nothing is said of it.
        ended_at: likewise.
    """

    run: RunId
    began_at: str | None
    ended_at: str | None

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"


@event("part-told", erasable=("params", "tags"))
class PartTold(Event, frozen=True, kw_only=True):
    """A process that joined a run said this of it, beside its points.

    Attributes:
        run: it may have ended before.
        part: the process.
        params: those that the run did not have; as `PART/NAME` where it had another value of that name.
        tags: likewise.
        artifacts: likewise.
        inputs: references that nobody had told of.
    """

    run: RunId
    part: str
    params: dict[str, Scalar] | None
    tags: dict[str, Scalar] | None
    artifacts: dict[str, ArtifactRecord]
    inputs: list[str]

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def edges(self) -> Iterable[Edge]:
        """Inputs that it used."""
        yield from _used(self.inputs, self.run)

    def objects(self) -> Iterable[Digest]:
        """The files."""
        return [artifact.digest for artifact in self.artifacts.values()]


class SealedMetric(msgspec.Struct, frozen=True, kw_only=True):
    """All points of one key in a segment. What JSON cannot say is text: `nan`, `inf`, `-inf`.

    Attributes:
        last: the value of the last one: of the highest step, the latest time, the highest value.
        step: its step, as text, since JSON loses digits of large ones; None without one.
        at_us: its time, microseconds since 1970, as text.
        min: the lowest that is a number; None when none is.
        max: the highest.
        count: how many points.
    """

    last: float | str
    step: str | None
    at_us: str
    min: float | str | None
    max: float | str | None
    count: int

    def __post_init__(self) -> None:
        for value in (self.last, self.min, self.max):
            if isinstance(value, str) and value not in NO_NUMBERS:
                raise ValueError(f"a metric's text is one of {', '.join(NO_NUMBERS)}")


@event("points-sealed")
class PointsSealed(Event, frozen=True, kw_only=True):
    """Points of a run came to rest in an object: it is one more of the run's segments.

    Attributes:
        run: whose they are; it may have ended before.
        segment: the object that holds them.
        count: how many points.
        metrics: the summary of each key, in this segment alone.
    """

    run: RunId
    segment: Digest
    count: int
    metrics: dict[str, SealedMetric]

    def subject(self) -> str:
        """The run."""
        return f"run:{self.run}"

    def objects(self) -> Iterable[Digest]:
        """The segment."""
        return (self.segment,)


def _used(inputs: Iterable[str], run: RunId) -> Iterable[Edge]:
    for ref in inputs:
        yield Edge(ref, "used-by", f"run:{run}")
