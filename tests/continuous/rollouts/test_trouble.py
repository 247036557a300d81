"""What ails one rollout, the log or the project file keeps nobody on a version that does harm."""

from threading import Event

import pytest
import rollouts_world
from rollouts_world import LIVE, MODEL, right_in

from ropeway.continuous import controller
from ropeway.continuous.rollouts import reconcile as reconciling
from ropeway.continuous.rollouts.operations import (
    hold_rollout,
    list_rollouts,
    release,
    resume_rollout,
    rollback,
)
from ropeway.core.errors import RopewayError
from ropeway.ledger.errors import LedgerBusy
from ropeway.models.operations import get_routing
from ropeway.monitoring.operations import list_windows
from ropeway.predictions import sealed
from ropeway.predictions.seal import seal
from ropeway.predictions.sealed import list_sealed
from ropeway.serving.log import PredictionLog
from ropeway.store import Store

WORSE = {"live": right_in(0.95), "candidate": right_in(0.05)}
ALIKE = {"live": right_in(0.8), "candidate": right_in(0.8)}


def damage(world, kind: str) -> None:
    """Seal what was logged, and turn a byte of a segment of that kind."""
    world.log.close()
    world.log = PredictionLog(world.ana.home, model=MODEL, environment="production", clock=world.clock)
    seal(world.ana)
    path = Store(world.ana.home).open_path(list_sealed(world.ana.home, kind)[0][0].content)
    path.chmod(0o600)
    turned = bytearray(path.read_bytes())
    turned[len(turned) // 2] ^= 255
    path.write_bytes(turned)
    sealed._store.cache_clear()


def edit(world, old: str, new: str) -> None:
    file = world.ana.root / "ropeway.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def kinds(actions) -> list[str]:
    return [action.kind for action in actions]


@pytest.mark.parametrize("kind", ["predictions", "shadows", "feedback"])
def test_a_canary_whose_log_cannot_be_read_goes_back(world, kind):
    world.release(steps=[0.5])
    world.serve(20, **ALIKE)
    damage(world, kind)
    told = [each for each in controller.reconcile(world.ben) if each.subject == world.rollout.id]
    trouble, back = told
    assert trouble.kind == "error"
    assert trouble.says.startswith("[object-damaged] ")
    assert "next: ropeway fsck" in trouble.says
    assert back.kind == "rollout-rolled-back"
    assert (world.rollout.outcome, world.rollout.ended_rule) == ("rolled-back", "cannot be watched")
    assert (get_routing(world.ana, name=MODEL).arms, get_routing(world.ana, name=MODEL).live) == ([], LIVE)


def test_in_shadow_it_is_held_and_can_be_resumed_by_a_person(world):
    world.release()
    world.serve(20, **ALIKE)
    damage(world, "shadows")
    assert world.reconcile() == ["error", "rollout-held"]
    assert (world.rollout.state, world.rollout.reason) == ("held", "object-damaged")
    assert world.reconcile() == ["error"]
    resume_rollout(world.ben, rollout=world.rollout.id)
    assert world.reconcile() == ["error", "rollout-held"]


def test_a_held_canary_whose_log_cannot_be_read_goes_back_too(world):
    world.release(steps=[0.5])
    world.serve(20, **ALIKE)
    damage(world, "predictions")
    hold_rollout(world.ben, rollout=MODEL)
    assert world.reconcile() == ["error", "rollout-rolled-back"]


def test_a_log_that_is_busy_is_waited_for_up_to_the_deadline(make_world, monkeypatch):
    def busy(*_):
        raise LedgerBusy("ledger.db", "locked")

    world = make_world(rollout='undecided = "roll-back"', steps="[0.5]")
    world.release()
    monkeypatch.setattr(reconciling, "evaluate", busy)
    assert world.reconcile() == ["error"]
    assert world.rollout.state == "running"
    world.clock.advance(seconds=8 * 86_400)
    assert world.reconcile() == ["error", "rollout-undecided"]
    assert get_routing(world.ana, name=MODEL).arms == []


def test_harm_goes_back_under_a_project_file_that_cannot_be_read(world):
    world.release(steps=[0.5])
    world.serve(100, **WORSE)
    edit(world, "[rollout]", "[rollout\n")
    told = controller.reconcile(world.ben)
    assert kinds(told) == ["error", "rollout-rolled-back"]
    assert told[0].subject == "ropeway.toml"
    assert told[0].says.startswith("[project-invalid] ")
    assert world.rollout.ended_rule == "harm"
    edit(world, "[rollout\n", "[rollout]")
    assert get_routing(world.ana, name=MODEL).arms == []


def test_what_goes_forward_waits_for_a_project_file_that_can_be_read(world):
    world.release()
    world.serve(60, **ALIKE)
    edit(world, "[rollout]", "[rollout\n")
    assert world.reconcile() == ["error"]
    edit(world, "[rollout\n", "[rollout]")
    assert world.reconcile() == ["rollout-advanced"]


def test_a_person_can_go_back_under_a_project_file_that_cannot_be_read(world):
    world.release(steps=[0.5])
    edit(world, "[rollout]", "[rollout\n")
    assert rollback(world.ben, name=MODEL).live == LIVE
    edit(world, "[rollout\n", "[rollout]")
    assert get_routing(world.ana, name=MODEL).arms == []


def test_rollouts_of_an_environment_that_is_no_more_end_and_leave_the_others_alone(make_world):
    world = make_world(steps="[0.5]")
    release(world.ben, ref="sentiment@1", environment="staging")
    world.release()
    world.serve(100, **WORSE)
    release(world.ben, ref="sentiment@2", environment="staging")
    edit(world, "[environments.staging]\n", "")
    assert sorted(world.reconcile()) == ["rollout-rolled-back", "rollout-withdrawn"]
    ended = {each.environment: each for each in list_rollouts(world.ana)}
    assert ended["staging"].ended_rule == "environment removed"
    edit(world, "[environments.production]\n", "[environments.production]\n[environments.staging]\n")
    assert get_routing(world.ana, name=MODEL, environment="staging").arms == []


def test_one_rollouts_trouble_is_told_and_the_next_one_goes_on(make_world, monkeypatch):
    world = make_world(steps="[0.5]")
    release(world.ben, ref="sentiment@1", environment="staging")
    world.release()
    world.serve(100, **WORSE)
    staged = release(world.ben, ref="sentiment@2", environment="staging").rollout
    real = reconciling.decide

    def decide(rollout, findings):
        if rollout.id == staged.id:
            raise RopewayError("it does not work", next_step="see to it")
        return real(rollout, findings)

    monkeypatch.setattr(reconciling, "decide", decide)
    told = {action.kind: action for action in reconciling.reconcile(world.ben)}
    assert set(told) == {"error", "rollout-rolled-back"}
    assert told["error"].subject == staged.id
    assert told["error"].says == "[error] it does not work next: see to it"


def test_windows_are_judged_by_the_last_settings_that_could_be_read(world, monkeypatch):
    stop, told, known = Event(), [], []

    def tell(actions):
        told.extend(actions)
        if not known:
            known.append(len(list_windows(world.ana)))
            edit(world, "[rollout]", "[rollout\n")
            world.serve(150, **ALIKE, labelled=0.0)
            world.clock.advance(seconds=2 * 86_400)
        else:
            stop.set()

    edit(world, "[rollout]", '[alerts.quiet]\nwhen = "silence"\n[rollout]')
    world.serve(20, **ALIKE, labelled=0.0)
    world.clock.advance(seconds=4 * 86_400)
    routed = get_routing(world.ana, name=MODEL)
    monkeypatch.setattr(rollouts_world, "get_routing", lambda *_, **__: routed)
    controller.run(world.ben, every_s=0.01, stop=stop, tell=tell)
    assert [each.subject for each in told if each.kind == "error"] == ["ropeway.toml"]
    edit(world, "[rollout\n", "[rollout]")
    assert len(list_windows(world.ana)) > known[0]
