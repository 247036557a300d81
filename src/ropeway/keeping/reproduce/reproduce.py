"""Doing a run again and saying whether it comes out the same.

The run is done in a new process, in an empty folder, without any cache: from the code, the data, the
parameters and, in a clean place, the packages that are on record. It happens where the caller is; what is
found is recorded by one command.
"""

import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ropeway.core.errors import Damaged, NotFound
from ropeway.keeping.reproduce.compare import compare
from ropeway.keeping.reproduce.environment import (
    CannotInstall,
    changed_packages,
    is_other_python,
    make_clean,
    missing_module,
    run_in,
)
from ropeway.keeping.reproduce.operations import record_reproduction
from ropeway.keeping.reproduce.records import Answer, Place, Remade, Reproduction
from ropeway.keeping.reproduce.rerun import ANSWER, remade
from ropeway.keeping.reproduce.scratch import lay_out
from ropeway.models.foreign import require_own_code
from ropeway.models.operations import list_models, resolve_version
from ropeway.pipelines.errors import RunNotRecorded
from ropeway.pipelines.operations import show
from ropeway.pipelines.records import PipelineRecord
from ropeway.pipelines.slice import read_replay
from ropeway.store import Store
from ropeway.tracking.environment import read_environment
from ropeway.tracking.records import RunSummary
from ropeway.tracking.resolve import resolve_run
from ropeway.workspace import Workspace
from ropeway.workspace.place import HOME

if TYPE_CHECKING:
    import polars as pl

TOLERANCE = 1e-6
MANY = 10_000
MODULE = "ropeway.keeping.reproduce.rerun"


class _Cannot(Exception):
    """It cannot be done again; the text says why."""


def reproduce(
    workspace: Workspace,
    ref: str,
    *,
    place: Place = "here",
    tolerance: float = TOLERANCE,
    trust: bool = False,
    tell: Callable[[str], None] = lambda _what: None,
) -> Reproduction:
    """Do a run again, record what came of it, and give the verdict.

    Args:
        workspace: where it is on record.
        ref: a run (its id, the beginning of it, `latest`, its name) or a model version (`NAME@NUMBER`).
        place: with the packages that are installed here, or `clean`: with those on record, newly installed
            from the package index that pip is configured for.
        tolerance: how far numbers may be apart to count as equal.
        trust: run the code of somebody else, which came through a server: the caller has read it.
        tell: told what goes on.

    Raises:
        RunNotFound, UnknownModel: nothing answers to it.
        CodeNotTrusted: its code came from somebody else through a server; nothing of it was run.
    """
    began = time.monotonic()
    model, run = _meant(workspace, ref)
    if not trust:
        require_own_code(workspace, run.id)
    found = Reproduction(
        run=run.id,
        model=model,
        verdict="cannot",
        says="",
        tolerance=tolerance,
        place=place,
        python=platform.python_version(),
    )
    try:
        found = _done_again(workspace, run, found, tell)
    except _Cannot as reason:
        found = msgspec.structs.replace(found, says=str(reason))
    found = msgspec.structs.replace(found, took_s=time.monotonic() - began)
    record_reproduction(workspace, found=found)
    return found


def _meant(workspace: Workspace, ref: str) -> tuple[str, RunSummary]:
    """The model version, if one is meant, and the run."""
    names = {str(each.name) for each in list_models(workspace, limit=MANY)}
    if "@" in ref or ref in names:
        version = resolve_version(workspace, ref=ref)
        return version.ref, resolve_run(workspace, version.run)
    return "", resolve_run(workspace, ref)


def _done_again(
    workspace: Workspace, run: RunSummary, found: Reproduction, tell: Callable[[str], None]
) -> Reproduction:
    record = _record_of(workspace, run)
    with _needing("The list of its packages"):
        recorded = read_environment(workspace.store, run.environment)
    is_clean = found.place == "clean"
    if is_clean and is_other_python(recorded):
        raise _Cannot(f"The run was done with Python {recorded.python}; this is Python {found.python}.")
    with tempfile.TemporaryDirectory(prefix="ropeway-reproduce-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "project"
        folder.mkdir()
        tell("laying out code and data")
        with _needing("Its code, its data or its answers"):
            before = remade(workspace, record)
            lay_out(workspace, record, folder)
            answers = _answers(workspace.store, before)
        python = sys.executable
        if is_clean:
            try:
                python = make_clean(Path(scratch) / "environment", recorded, record, tell)
            except CannotInstall as error:
                raise _Cannot(f"Its packages cannot be installed: {error}") from error
        tell("running every step")
        now = _run(python, folder, is_clean=is_clean)
        compared = compare(
            before, now, (answers, _answers(Store(folder / HOME), now)), tolerance=found.tolerance
        )
    changes = [] if is_clean else changed_packages(recorded, record)
    return msgspec.structs.replace(found, packages=changes, **compared._asdict())


def _record_of(workspace: Workspace, run: RunSummary) -> PipelineRecord:
    if not run.code:
        raise _Cannot("It was logged by a client from elsewhere: there is no code of it on record.")
    if run.kind != "pipeline":
        command = " ".join(run.argv or ["(erased)"])
        raise _Cannot(f"It is a script's run: what is on record is its command, {command}, not its steps.")
    if run.status != "finished":
        raise _Cannot(f"The run is {run.status}: it gave nothing to compare with.")
    try:
        record = show(workspace, run=run.id)
    except RunNotRecorded as error:
        raise _Cannot("It stopped before the served step (`--only`): no slice is on record.") from error
    if record.params is None or record.settings is None:
        raise _Cannot("Its parameters were erased.")
    return record


@contextmanager
def _needing(what: str) -> Iterator[None]:
    """Say what is gone where something that it takes cannot be read."""
    try:
        yield
    except (NotFound, Damaged) as error:
        raise _Cannot(f"{what} cannot be read: {error.what}") from error


def _run(python: str, folder: Path, *, is_clean: bool) -> Remade:
    """The run, done again by another process."""
    try:
        run_in(python, folder, [MODULE, str(folder)], is_clean=is_clean)
    except subprocess.CalledProcessError as error:
        raise _Cannot(f"The process that did it again ended with {error.returncode}.") from error
    answer = msgspec.json.decode((folder / ANSWER).read_bytes(), type=Answer)
    if answer.made is None:
        why = missing_module(answer.error) if is_clean else ""
        raise _Cannot(f"Done again, it fails: {why}{answer.error}")
    return answer.made


def _answers(store: Store, made: Remade) -> "pl.DataFrame":
    return read_replay(store.read(made.slice.replay))[1]
