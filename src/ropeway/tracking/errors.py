"""What can go wrong around runs.

Invalid   ├── FilterInvalid · FilterTooLarge (TooLarge) · PointInvalid · PointTooLarge (TooLarge)
          └── SettingInvalid · ReferenceInvalid · AmbiguousRun · TooFewRuns · LimitInvalid
NotFound  └── RunNotFound · ArtifactMissing
Conflict  └── RunExists · RunEnded · RunElsewhere
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ropeway.core.errors import Conflict, Invalid, NotFound, TooLarge

SHOWN_CHARACTERS = 80


class FilterInvalid(Invalid):
    """A filter or a sort key that cannot be read."""

    code = "filter-invalid"

    def __init__(self, pointed: str, column: int, reason: str, *, expected: str) -> None:
        super().__init__(
            f"The filter cannot be read at column {column}: {reason}\n{pointed}",
            expected=expected,
            next_step="ropeway runs --where 'metrics.macro_f1 > 0.6 and params.c = 1'",
            column=column,
            reason=reason,
        )


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

    def __init__(self, kind: str, key: str, reason: str, *, expected: str) -> None:
        super().__init__(
            f"The {kind} '{_shown(key)}' was not recorded: {reason}.",
            expected=expected,
            next_step="run.artifact(name, data) for what is no short text or number",
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

    def __init__(self, name: str, matches: Sequence[str]) -> None:
        super().__init__(
            f"'{name}' is the beginning of {len(matches)} runs.",
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


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
