"""Whatever people try, in whatever order: the registry holds its rules."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from models_packages import judge, make_live, register

from ropeway.core.errors import RopewayError
from ropeway.models.operations import (
    approve_model,
    list_models,
    model_history,
    promote_model,
    recall_model,
    reject_model,
    resolve_version,
    retire_model,
)
from ropeway.models.states import LEGAL, State
from ropeway.workspace import LocalWorkspace

STEPS = 120


@pytest.mark.parametrize("seed", range(3))
def test_random_moves_keep_states_and_environments_together(
    ana: LocalWorkspace, ben: LocalWorkspace, seed: int
):
    draw, places = random.Random(seed), ["production", "staging"]
    moves = {
        "gate": lambda ref: judge(ana, resolve_version(ana, ref=ref), passed=draw.random() < 0.8),
        "approve": lambda ref: approve_model(ben, ref=ref),
        "promote": lambda ref: promote_model(ben, ref=ref, environment=draw.choice(places)),
        "reject": lambda ref: reject_model(ben, ref=ref, reason="r"),
        "retire": lambda ref: retire_model(ben, ref=ref, reason="r"),
        "recall": lambda ref: recall_model(ben, ref=ref, reason="r"),
    }
    legal = {(arrow.before, arrow.move.value) for arrow in LEGAL}
    for step in range(STEPS):
        if step % 10 == 0:
            register(ana, learnt=str(step))
        version = draw.choice(list_models(ana))
        name = draw.choices(list(moves), weights=[6, 6, 6, 1, 1, 1])[0]
        # The helper records a verdict without asking the table, as the gate itself would have.
        if name == "gate" and (version.state, name) not in legal:
            continue
        code = attempt(lambda name=name, ref=version.ref: moves[name](ref))
        assert code in ("", "illegal-transition", "stale-evidence")
        assert not code or resolve_version(ana, ref=version.ref) == version
        for each in list_models(ana):
            assert (each.state is State.LIVE) == bool(each.environments), each
    before = list_models(ana), model_history(ana, name="sentiment")
    ana.ledger.rebuild()
    assert (list_models(ana), model_history(ana, name="sentiment")) == before


def attempt(move: Callable[[], object]) -> str:
    """The code of the refusal; empty when it was done."""
    try:
        move()
    except RopewayError as refusal:
        return refusal.code
    return ""


def test_many_who_register_one_content_at_once_get_one_version(ana: LocalWorkspace):
    def propose(number: int) -> str:
        with LocalWorkspace(ana.root, actor=f"person {number}") as workspace:
            return register(workspace).ref

    with ThreadPoolExecutor(6) as pool:
        refs = list(pool.map(propose, range(12)))
    assert set(refs) == {"sentiment@1"}
    assert len(list_models(ana)) == 1


def test_two_who_promote_at_once_leave_one_version_live(ana: LocalWorkspace, ben: LocalWorkspace):
    refs = [make_live(ana, ben, register(ana, learnt=text)).ref for text in "ab"]

    def promote(ref: str) -> None:
        with LocalWorkspace(ana.root, actor="ben") as workspace:
            promote_model(workspace, ref=ref)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(promote, refs * 5))
    states = sorted(each.state for each in list_models(ana))
    assert states == [State.APPROVED, State.LIVE]
