"""What can go wrong around runs.

Invalid   ├── FilterInvalid · SortInvalid · MlflowFilterInvalid · FilterTooLarge (TooLarge)
          ├── PointInvalid · StepInvalid · PointTooLarge (TooLarge)
          ├── SettingInvalid · ReferenceInvalid · BadRunId · AmbiguousRun
          └── TooFewRuns · LimitInvalid · GroupInvalid
NotFound  └── RunNotFound · ReferenceUnknown · ArtifactMissing
Conflict  └── RunExists · RunEnded · RunElsewhere · SourceElsewhere · NothingWaits
Damaged   └── PointsDamaged
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ropeway.core.errors import Conflict, Damaged, Invalid, NotFound, TooLarge

SHOWN_CHARACTERS = 80
MESSAGE_LIMIT = 2_000
_LISTS = {"dataset": "ropeway data list", "run": "ropeway runs", "model": "ropeway model list"}


class FilterInvalid(Invalid):
    """A filter that cannot be read."""

    code = "filter-invalid"
    noun = "filter"
    example = "ropeway runs --where 'metrics.macro_f1 > 0.6 and params.c = 1'"

    def __init__(self, pointed: str, column: int, reason: str, *, expected: str) -> None:
        super().__init__(
            f"The {self.noun} cannot be read at column {column}: {reason}\n{pointed}",
            expected=expected,
            next_step=self.example,
            column=column,
            reason=reason,
        )


class BadRunId(Invalid):
    """An id under which no run can begin."""

    code = "bad-run-id"

    def __init__(self, run: str) -> None:
        super().__init__(
            f"No run can begin as '{run[:SHOWN_CHARACTERS]}'.",
            expected="run_ and at most 60 letters, digits, '-' and '_'",
            next_step="export ROPEWAY_RUN=run_$(date +%s)   in the shell that starts all its processes",
            run=run[:SHOWN_CHARACTERS],
        )


class SortInvalid(FilterInvalid):
    """A sort key that cannot be read."""

    code = "sort-invalid"
    noun = "sort key"
    example = "ropeway runs --sort=-metrics.macro_f1,name"


class MlflowFilterInvalid(Invalid):
    """A filter or an order of an MLflow client that MLflow refuses; the words are its own."""

    code = "mlflow-filter-invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message[:MESSAGE_LIMIT], expected="clauses such as metrics.acc > 0.9 joined by AND")


class FilterTooLarge(TooLarge):
    """A filter over a limit."""

    code = "filter-too-large"

    def __init__(self, what: str, found: int, limit: int) -> None:
        super().__init__(
            f"The filter has {found:,} {what}.",
            expected=f"at most {limit:,}",
            next_step="split the question, or take all runs with ropeway runs --csv - and filter there",
        )


class PointInvalid(Invalid):
    """A metric that `log` cannot record."""

    code = "point-invalid"

    def __init__(self, key: str, reason: str, *, expected: str) -> None:
        super().__init__(
            f"The metric '{_shown(key)}' was not logged: {reason}.",
            expected=expected,
            next_step="text and structures go to run.tag(...), run.set(...) or run.artifact(...)",
            key=_shown(key),
        )


class StepInvalid(PointInvalid):
    """A step that is no whole number."""

    code = "step-invalid"

    def __init__(self, step: object, reason: str, *, expected: str) -> None:
        super().__init__("step", reason, expected=expected)
        self.what = f"The step {_shown(repr(step))} was not logged, nor the metrics with it: {reason}."
        self.next_step = "run.log(3, loss=0.7): the step first, then the metrics by name"


class PointTooLarge(TooLarge):
    """More in one call than one record of the spool may hold."""

    code = "point-too-large"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(
            f"One call on the run holds {found:,} bytes; nothing of it was recorded.",
            expected=f"at most {limit:,} bytes in one call",
            next_step="several smaller calls, or run.artifact(name, data) for what is large",
        )


class SettingInvalid(Invalid):
    """A param or a tag that cannot be recorded."""

    code = "setting-invalid"

    def __init__(self, kind: str, key: str, reason: str, *, expected: str, next_step: str = "") -> None:
        super().__init__(
            f"The {kind} '{_shown(key)}' was not recorded: {reason}.",
            expected=expected,
            next_step=next_step or "run.artifact(name, data) for what is no short text or number",
            key=_shown(key),
            reason=reason,
        )


class ReferenceInvalid(Invalid):
    """An input of a run that is no `kind:id` reference."""

    code = "reference-invalid"

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"'{_shown(ref)}' is no reference.",
            expected="kind:id, such as dataset:tweets@<digest>, model:sentiment@3 or run:run_…",
        )


class ReferenceUnknown(NotFound):
    """An input of a run that nothing on record answers to.

    Args:
        ref: the reference as given.
        kind: what it says it is.
        name: the name in it.
        known: the newest reference of each name of that kind.
    """

    code = "reference-unknown"

    def __init__(self, ref: str, kind: str, name: str, known: Mapping[str, str]) -> None:
        near = name if name in known else next(iter(difflib.get_close_matches(name, known, n=1)), None)
        example = known[near] if near else next(reversed([*known.values()]), "")
        super().__init__(kind, ref, next_step=_LISTS.get(kind, ""))
        self.what = f"'{_shown(ref)}' was not recorded as an input: there is no such {kind}."
        self.expected = f"a whole reference, such as {example}" if example else f"a {kind} that is on record"


class RunNotFound(NotFound):
    """A run that is not in this workspace."""

    code = "run-not-found"

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        super().__init__("run", name, known, next_step="ropeway runs")


class ArtifactMissing(NotFound):
    """A file that shall be kept with a run and is not there."""

    code = "artifact-missing"

    def __init__(self, path: Path) -> None:
        what = "file; it is a folder" if path.is_dir() else "file"
        super().__init__(what, str(path), next_step="pass a Path to one file, or its bytes, or its text")


class AmbiguousRun(Invalid):
    """The beginning of an id that several runs share."""

    code = "ambiguous-run"

    def __init__(self, name: str, matches: Sequence[str], count: int) -> None:
        super().__init__(
            f"'{name}' is the beginning of {count:,} runs.",
            expected="one of " + ", ".join(matches[:8]),
            next_step="give more of the id",
        )


class TooFewRuns(Invalid):
    """A comparison with fewer than two runs, or too many."""

    code = "compare-needs-runs"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(
            f"{found} runs cannot be compared.",
            expected=f"2 to {limit} different runs",
            next_step="ropeway runs   lists them; ropeway compare RUN RUN",
        )


class GroupInvalid(Invalid):
    """Runs taken together by too few fields, or too many."""

    code = "group-invalid"

    def __init__(self, found: int, least: int, most: int) -> None:
        super().__init__(
            f"Runs cannot be taken together by {found} fields.",
            expected=f"{least} to {most} fields",
            next_step="ropeway runs --group-by params.model   or --pareto=-metrics.accuracy,duration",
        )


class LimitInvalid(Invalid):
    """A limit or an offset out of range."""

    code = "limit-invalid"

    def __init__(self, limit: int, offset: int, highest: int) -> None:
        super().__init__(
            f"The limit {limit:,} with the offset {offset:,} is out of range.",
            expected=f"a limit of 1 to {highest:,} and an offset from 0; ask again with an offset for more",
        )


class RunExists(Conflict):
    """A second start of the same run."""

    code = "run-exists"

    def __init__(self, run: str) -> None:
        super().__init__(f"The run '{run}' has been started before.", expected="a fresh id for each run")


class RunEnded(Conflict):
    """Something more on a run that has ended."""

    code = "run-ended"

    def __init__(self, run: str, status: str) -> None:
        super().__init__(
            f"The run '{run}' has ended ({status}); nothing more can be recorded on it.",
            expected="calls inside the `with` block",
            next_step="with ropeway.run() as run: …   starts a new one",
        )


class RunElsewhere(Conflict):
    """A call on a run in a forked process, where its spool is not."""

    code = "run-elsewhere"

    def __init__(self, run: str, pid: int) -> None:
        super().__init__(
            f"The run '{run}' belongs to process {pid}, and this is a process forked from it.",
            expected="calls on a run in the process that started it",
            next_step="with ropeway.run() as run: … in this process; the new run remembers its parent",
        )


class SourceElsewhere(Conflict):
    """Points of a source that has come further, or not so far, as the record says."""

    code = "source-elsewhere"

    def __init__(self, source: str, upto: int) -> None:
        super().__init__(
            f"The points were not recorded: of '{_shown(source)}' the record has {upto:,}.",
            expected="points from there on",
            next_step="send again, from there on",
            source=_shown(source),
            upto=upto,
        )


class NothingWaits(Conflict):
    """A spool whose run is not one that waits to be brought to a server."""

    code = "nothing-waits"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The spool '{path}' says of no server that it is for.",
            expected="the spool of a run whose workspace a server keeps",
            next_step="ropeway runs   closes the runs of a workspace that is here",
        )


class PointsDamaged(Damaged):
    """Packed points that are not as they were written."""

    code = "points-damaged"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Points of a run cannot be read: {reason}.",
            expected="the bytes as they were written",
            next_step="ropeway fsck   names what is damaged; ropeway restore brings a backup back",
        )


class BatchInvalid(Invalid):
    """A batch of points whose columns do not fit together."""

    code = "batch-invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The points were not recorded: {reason}.",
            expected="columns of one length: `key` places in `keys` (32 bits each), `values` doubles, "
            "`times` and `steps` integers of 64 bits, all little-endian",
            reason=reason,
        )


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
