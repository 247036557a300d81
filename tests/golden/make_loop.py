"""Makes the golden ledger of the loop: one in which every kind of event of watching and releasing happened.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_loop tests/golden/format-1-loop

The controller carries on beside simulated traffic until all that it does by itself is on record; a person
holds, resumes, pauses and goes back.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.loop import ENVIRONMENT, MODEL, clock_of, lay_loop
from tests.faults.traffic import World
from tests.golden.make import ELSEWHERE, told

from ropeway.continuous.controller import reconcile
from ropeway.continuous.retraining.operations import pause_policy, resume_policy
from ropeway.continuous.rollouts.operations import hold_rollout, list_rollouts, resume_rollout, rollback
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.workspace import LocalWorkspace, open_workspace, rooms

HERE = Path(__file__).resolve().parents[2]
ROOMS = ("predictions", "monitoring", "continuous")
BESIDE = ("reference-profiled", "approved-by-rule", "traffic-routed")
"""Events of the loop in rooms that are older than it."""
GONE_BACK = "release-rolled-back"
ROUNDS = 400
COMMAND = f"{ELSEWHERE}from pathlib import Path\nfrom tests.golden.make_loop import walk\nwalk(Path.cwd())"


def walk(folder: Path) -> None:
    """Let it happen, in a folder of its own."""
    rooms.load_operations()
    root = folder / "project"
    lay_loop(root)
    world = World(root)
    with LocalWorkspace(root, actor="controller", clock=clock_of(root)) as workspace:
        _by_hand(workspace, world)
        for _ in range(ROUNDS):
            if not _missing(workspace) - {GONE_BACK}:
                break
            _round(workspace, world)
        # The first ends a rollout where one is active, and only then is there a version to go back from.
        while GONE_BACK in (missing := _missing(workspace)):
            rollback(workspace, name=MODEL, note="to see that it can be done")
    world.close()
    if missing:
        raise SystemExit(f"these did not happen: {sorted(missing)}")


def _by_hand(workspace: LocalWorkspace, world: World) -> None:
    """What a person does, once the first rollout runs."""
    while not (active := list_rollouts(workspace, active=True)):
        _round(workspace, world)
    hold_rollout(workspace, rollout=active[0].id, note="we look first")
    resume_rollout(workspace, rollout=active[0].id, note="it is well")
    pause_policy(workspace, name=MODEL, environment=ENVIRONMENT, reason="a holiday")
    resume_policy(workspace, name=MODEL, environment=ENVIRONMENT, reason="back at work")


def _round(workspace: LocalWorkspace, world: World) -> None:
    for _ in range(4):
        world.tick()
    reconcile(workspace)


def _missing(workspace: LocalWorkspace) -> set[str]:
    """What has not happened yet."""
    wanted = {
        kind.verb
        for kind in TYPES_BY_VERB.values()
        if kind.cls.__module__.startswith(tuple(f"ropeway.{room}." for room in ROOMS)) or kind.verb in BESIDE
    }
    with workspace.ledger.reading() as connection:
        facts = list(workspace.ledger.facts(connection))
    outcomes = {fact.event.outcome for fact in facts if type(fact.event).__name__ == "RolloutEnded"}
    kinds = {kind.cls: kind.verb for kind in TYPES_BY_VERB.values()}
    missing = wanted - {kinds[type(fact.event)] for fact in facts}
    return missing | ({"promoted", "rolled-back"} - outcomes)


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        subprocess.run([sys.executable, "-c", COMMAND], cwd=scratch, env=environment, check=True)
        root = Path(scratch) / "project"
        with open_workspace(root, actor="ana") as workspace:
            (target / "expected.json").write_text(
                json.dumps(told(workspace), indent=1) + "\n", encoding="utf-8"
            )
        plain = sqlite3.connect(root / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
