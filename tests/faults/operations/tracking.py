"""Under fault: one run that logs on and on, and short runs from start to end, with points from afar."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.core.ids import RunId
from ropeway.testing import make_workspace
from ropeway.tracking.operations import log_points, seal_points
from ropeway.tracking.points import list_points
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.series import columns
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

POINTS, SENT = 5, 10


def _send(workspace: LocalWorkspace, run: RunId, upto: int) -> None:
    """Points from afar, of a sender that has come so far with them."""
    steps = range(upto - SENT, upto)
    rows = columns(["sent"] * SENT, steps, steps, steps)
    log_points(
        workspace,
        run=run,
        keys=rows.keys,
        key=rows.key.tobytes(),
        values=rows.value.tobytes(),
        times=rows.at_us.tobytes(),
        steps=rows.step.tobytes(),
        source="afar",
        upto=upto,
    )


class LogPoints:
    """Calls of `run.log` in one run; the next run must close the one that died, with every point."""

    name = "run.log"
    repeats = False
    limit = 5_000

    def prepare(self, root: Path) -> None:
        make_workspace(root, files={"train.py": "loss = 1\n"}).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        with start_run(workspace, name="endless") as run:
            steps = iter(range(1_000_000))

            def act(token: str) -> object:
                step = next(steps)
                # Two shapes of records, and a number that the quick way does not take.
                run.log(step, **({"loss": 1.0 / (step + 1)} if step % 3 else {"loss": float("nan"), "lr": 1}))
                return {"run": run.id, "step": step}

            yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        logged: dict[str, list[int]] = {}
        for answer in story.acknowledged().values():
            logged.setdefault(answer["run"], []).append(answer["step"])
        problems = []
        for run, steps in logged.items():
            points = list_points(workspace, run=run, key="loss", limit=100_000)
            found = Counter(point.step for point in points)
            problems += [
                f"{run}: step {step} is there {found[step]} times" for step in steps if found[step] != 1
            ]
            # One more than was acknowledged can be there: the call that was in flight.
            if sum(found.values()) > len(steps) + 1:
                problems.append(f"{run}: {sum(found.values())} points, {len(steps)} acknowledged")
        return problems


class FlushPoints(LogPoints):
    """Points of one run, each flushed before it is acknowledged: they survive a power cut."""

    name = "run.log, flush"

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        with start_run(workspace, name="endless") as run:
            steps = iter(range(1_000_000))

            def act(token: str) -> object:
                step = next(steps)
                run.log(step, loss=1.0 / (step + 1))
                run.flush()
                return {"run": run.id, "step": step}

            yield act


class TrackRuns:
    """Whole runs: start, points, an artifact, end; then points from afar, sent twice, half of them sealed."""

    name = "tracked run"
    repeats = False
    limit = 200

    def prepare(self, root: Path) -> None:
        make_workspace(root, files={"train.py": "loss = 1\n"}).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            with start_run(workspace, name=token, params={"token": token}) as run:
                for step in range(POINTS):
                    run.log(step, loss=1.0 / (step + 1))
                run.artifact("token.txt", token)
            for upto in (SENT, SENT, 2 * SENT):
                _send(workspace, run.id, upto)
                if upto == SENT:
                    seal_points(workspace, run=run.id)
            return run.id

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        for token, run in story.acknowledged().items():
            try:
                summary = resolve_run(workspace, run)
                points = len(list_points(workspace, run=run))
                artifact = workspace.store.read(summary.artifacts["token.txt"].digest)
            except (RopewayError, KeyError) as error:
                problems.append(f"run of {token}: {error!r}")
                continue
            seen = (summary.status, summary.name, summary.params["token"], points, artifact.decode())
            if seen != ("finished", token, token, POINTS + 2 * SENT, token):
                problems.append(f"run of {token}: {seen}")
        return problems
