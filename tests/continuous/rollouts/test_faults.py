"""Two at once, and killed at any point: a thing is done once, and wholly."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rollouts_world import CANDIDATE, LIVE, right_in

from ropeway.continuous.rollouts.operations import end_rollout
from ropeway.continuous.rollouts.reconcile import reconcile
from ropeway.keeping.operations import fsck
from ropeway.models.operations import get_routing, promote_model, resolve_version
from ropeway.models.states import State
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.errors import LeaseLost
from ropeway.workspace.lease import take_lease
from ropeway.workspace.operations import list_events

BETTER = {"live": right_in(0.2), "candidate": right_in(1.0)}
KILLS = 8
NO_SNAPSHOT = "0000000000"


def ended(world) -> list[str]:
    return [item.body["outcome"] for item in list_events(world.ana, verb="rollout-ended", limit=1000)]


def promotions(world) -> int:
    return len(list_events(world.ana, verb="model-promoted", limit=1000))


def test_two_who_reconcile_at_once_promote_once(world):
    world.release(steps=[0.5])
    world.serve(80, **BETTER)
    before = promotions(world)

    def go(number: int) -> list[str]:
        with LocalWorkspace(world.ana.root, actor=f"controller {number}", clock=world.clock) as workspace:
            return [action.kind for action in reconcile(workspace)]

    with ThreadPoolExecutor(4) as pool:
        done = [kind for kinds in pool.map(go, range(8)) for kind in kinds]
    assert done == ["rollout-promoted"]
    assert (ended(world), promotions(world)) == (["promoted"], before + 1)


def test_who_has_lost_the_lease_changes_nothing(world):
    world.release(steps=[0.5])
    world.serve(80, **BETTER)
    lease = take_lease(world.ben, "controller")
    with world.ben.fenced(lease) as fenced:
        lease.release()
        with take_lease(world.ana, "controller"), pytest.raises(LeaseLost, match="taken over"):
            reconcile(fenced)
    assert world.rollout.is_active
    assert ended(world) == []


@pytest.mark.slow
def test_killed_at_any_point_nothing_is_done_twice_or_by_halves(make_world):
    world = make_world(rollout="spend = 0.05", min_entities=15)
    draw = random.Random(3)
    world.release()
    rounds = 1
    for _ in range(KILLS):
        if not world.rollout.is_active:
            promote_model(world.ben, ref=LIVE)
            world.release()
            rounds += 1
        world.serve(20, **BETTER)
        kill_one(world, after_s=draw.uniform(0.0, 0.25))
        check(world)
    while world.rollout.is_active:
        world.serve(20, **BETTER)
        world.reconcile()
    assert ended(world) == ["promoted"] * rounds
    assert resolve_version(world.ana, ref="sentiment@production").ref == CANDIDATE
    # The packages made for tests name a snapshot that nobody took.
    assert [each.what for each in fsck(world.ana).findings if NO_SNAPSHOT not in each.what] == []


def kill_one(world, *, after_s: float) -> None:
    """Let a process reconcile from its start on, and kill it at some point of its work."""
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("reconcile_process.py")),
            str(world.ana.root),
            world.clock.now().isoformat(),
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    # Its libraries are loaded: from here on a point is drawn anywhere in what it does.
    assert process.stdout.readline() == b"ready\n"
    time.sleep(after_s)
    process.kill()
    process.communicate()


def check(world) -> None:
    """What is recorded and how traffic is divided belong together."""
    rollout, routing = world.rollout, get_routing(world.ana, name="sentiment")
    moves = [move.move for move in rollout.moves]
    assert len(moves) == len(set(moves))
    if rollout.is_active:
        assert routing.rollout == rollout.id
        share = {arm.ref: arm.share for arm in routing.arms}.get(CANDIDATE, 0.0)
        assert share == rollout.share
        assert routing.live == LIVE
    else:
        assert (rollout.outcome, routing.live, routing.arms) == ("promoted", CANDIDATE, [])
        assert resolve_version(world.ana, ref=CANDIDATE).state is State.LIVE


def test_ending_while_another_reconciles_leaves_one_end(world):
    world.release(steps=[0.5])
    world.serve(80, **BETTER)
    end_rollout(world.ben, rollout=world.rollout.id)
    assert world.reconcile() == []
    assert ended(world) == ["ended"]
