"""What questions about runs are answered with."""

from datetime import datetime

import msgspec

from ropeway.core.ids import Digest, RunId
from ropeway.tracking.events import ArtifactRecord, HostRecord, Scalar


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run, with all that the ledger holds of it.

    Attributes:
        id: its id.
        name: as the user gave it; None without one, or once erased.
        kind: `script` or `pipeline`.
        status: `running`, `finished`, `failed` or `interrupted`.
        person: who started it, by name, or by id once the name is erased.
        started_at: when.
        ended_at: when it ended, or gave its last sign of life; None while it runs.
        duration_s: from start to end; None while it runs, and where it died without a sign of life.
        params: settings, as recorded.
        tags: free words about it.
        metrics: the last point of each key. NaN stands as null in JSON.
        artifacts: named files.
        inputs: what it used, as references.
        code: the tree of the project's files.
        commit: git's last commit; empty without git.
        is_dirty: whether the files differed from it.
        left_out: files that the tree lacks, with the reason; the first few.
        environment: the object that lists Python and all distributions.
        host: the machine.
        hostname: its name; None once erased.
        argv: the command; None once erased.
        parent: the run inside which it ran.
        points: the sealed segment of all points.
        point_count: how many calls of `log` it holds.
        cpu_s: CPU seconds, with children; None unless it came to its end.
        peak_memory_bytes: likewise.
        error_type: the exception that ended it; empty without one.
        error: its message; None once erased.
    """

    id: RunId
    name: str | None
    kind: str
    status: str
    person: str
    started_at: datetime
    ended_at: datetime | None
    duration_s: float | None
    params: dict[str, Scalar]
    tags: dict[str, Scalar]
    metrics: dict[str, float]
    artifacts: dict[str, ArtifactRecord]
    inputs: list[str]
    code: Digest
    commit: str
    is_dirty: bool
    left_out: list[str]
    environment: Digest
    host: HostRecord
    hostname: str | None
    argv: list[str] | None
    parent: RunId | None
    points: Digest | None
    point_count: int
    cpu_s: float | None
    peak_memory_bytes: int | None
    error_type: str
    error: str | None

    def _repr_html_(self) -> str:
        from ropeway.tracking.notebook import run_html

        return run_html(self)


class RunPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one key. NaN stands as null in JSON."""

    ordinal: int
    step: int | None
    at: datetime
    key: str
    value: float


class SettingDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A param, or a package's version, that is not the same in all runs; None where a run lacks it."""

    key: str
    values: list[Scalar | None]


class MetricDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A metric in each run, and each one's distance from the first run's; None where a run lacks it."""

    key: str
    values: list[float | None]
    differences: list[float | None]


class FileDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not the same in all runs: its digest in each; None where a run lacks it."""

    path: str
    digests: list[Digest | None]


class RunComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Runs side by side: what differs between them. Lists follow the order of `runs`.

    Attributes:
        runs: the runs, in the order asked for.
        params: params that differ.
        same_params: how many do not.
        metrics: every metric that any of them has.
        inputs: references that not all of them used, and which did.
        code: files that differ.
        environment: Python, platform and packages that differ.
    """

    runs: list[RunSummary]
    params: list[SettingDifference]
    same_params: int
    metrics: list[MetricDifference]
    inputs: list[SettingDifference]
    code: list[FileDifference]
    environment: list[SettingDifference]

    def _repr_html_(self) -> str:
        from ropeway.tracking.notebook import comparison_html

        return comparison_html(self)
