from pathlib import Path

import pytest
from models_packages import judge, make_live, register

from ropeway.models.errors import (
    BadModelName,
    BadMoment,
    FourEyes,
    IllegalTransition,
    ModelDamaged,
    NothingLive,
    UnknownEnvironment,
    UnknownModel,
    UnknownSource,
    UnknownVersion,
)
from ropeway.models.operations import (
    approve_model,
    get_model,
    list_models,
    model_history,
    promote_model,
    recall_model,
    reject_model,
    resolve_version,
    retire_model,
    trust_source,
)
from ropeway.models.states import State
from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace

DAY = 24 * 3600


def test_versions_are_numbered_from_one_for_each_name(ana: LocalWorkspace):
    refs = [register(ana, learnt=text).ref for text in "ab"] + [register(ana, name="other").ref]
    assert refs == ["sentiment@1", "sentiment@2", "other@1"]
    assert [each.ref for each in list_models(ana, name="sentiment")] == ["sentiment@2", "sentiment@1"]


def test_the_same_content_again_is_the_same_version_and_says_so(ana: LocalWorkspace, ben: LocalWorkspace):
    first, again = register(ana), register(ben)
    assert (first.known, again.known) == (False, True)
    assert again.ref == first.ref == "sentiment@1"
    assert again.registered_by == "ana"


@pytest.mark.parametrize("ref", ["sentiment", "sentiment@2", "sentiment@v2", "sentiment@latest"])
def test_a_bare_name_means_the_newest(ana: LocalWorkspace, ref: str):
    register(ana, learnt="a"), register(ana, learnt="b")
    assert resolve_version(ana, ref=ref).ref == "sentiment@2"


def test_unknown_references_are_answered_with_a_likely_one(ana: LocalWorkspace):
    register(ana)
    with pytest.raises(UnknownModel, match="Did you mean 'sentiment'"):
        resolve_version(ana, ref="sentimant")
    with pytest.raises(UnknownVersion, match="Did you mean 'sentiment@1'"):
        resolve_version(ana, ref="sentiment@7")
    with pytest.raises(UnknownEnvironment, match="Did you mean 'production'"):
        resolve_version(ana, ref="sentiment@productoin")
    with pytest.raises(NothingLive, match="no version of 'sentiment' in the environment 'staging'"):
        resolve_version(ana, ref="sentiment@staging")


@pytest.mark.parametrize("name", ["", "a@b", "../x", "-x", "x" * 65])
def test_a_name_that_cannot_be_told_from_a_reference_is_refused(ana: LocalWorkspace, name: str):
    with pytest.raises(BadModelName, match="cannot be the name of a model"):
        register(ana, name=name)


def test_the_proposer_may_not_approve_and_another_may(ana: LocalWorkspace, ben: LocalWorkspace):
    version = register(ana)
    judge(ana, version)
    with pytest.raises(FourEyes, match="'ana' registered 'sentiment@1' and may not approve"):
        approve_model(ana, ref="sentiment@1")
    approved = approve_model(ben, ref="sentiment@1", note="read the card")
    assert (approved.state, approved.approved_by, approved.self_approved) == (State.APPROVED, "ben", False)


def test_self_approval_is_allowed_by_the_project_and_recorded(project):
    workspace = project('[project]\nname = "sentiment"\napproval = "self"\n')
    judge(workspace, register(workspace))
    assert approve_model(workspace, ref="sentiment").self_approved is True


def test_promoting_before_approval_is_refused(ana: LocalWorkspace):
    version = register(ana)
    with pytest.raises(IllegalTransition, match="Cannot promote 'sentiment@1': it is candidate"):
        promote_model(ana, ref=version.ref)
    judge(ana, version)
    with pytest.raises(
        IllegalTransition, match="it is validated, and 'promote' starts from approved or live"
    ):
        promote_model(ana, ref=version.ref)


def test_a_failed_gate_leaves_or_makes_a_candidate(ana: LocalWorkspace):
    version = register(ana)
    judge(ana, version, passed=False)
    assert resolve_version(ana, ref=version.ref).state is State.CANDIDATE
    judge(ana, version)
    judge(ana, version, passed=False)
    assert resolve_version(ana, ref=version.ref).state is State.CANDIDATE


def test_promoting_another_one_makes_the_former_approved_and_back_again(
    ana: LocalWorkspace, ben: LocalWorkspace
):
    first = make_live(ana, ben, register(ana, learnt="a"))
    second = make_live(ana, ben, register(ana, learnt="b"))
    assert second.state is State.LIVE
    assert resolve_version(ana, ref=first.ref).state is State.APPROVED
    promote_model(ben, ref=first.ref)
    assert resolve_version(ana, ref="sentiment@production").ref == first.ref
    assert resolve_version(ana, ref=second.ref).state is State.APPROVED


def test_a_version_stays_live_while_any_environment_points_to_it(ana: LocalWorkspace, ben: LocalWorkspace):
    first = make_live(ana, ben, register(ana, learnt="a"))
    assert promote_model(ben, ref=first.ref, environment="staging").environments == ["production", "staging"]
    make_live(ana, ben, register(ana, learnt="b"))
    now = resolve_version(ana, ref=first.ref)
    assert (now.state, now.environments) == (State.LIVE, ["staging"])


def test_promoting_where_it_is_already_changes_nothing(ana: LocalWorkspace, ben: LocalWorkspace):
    version = make_live(ana, ben, register(ana))
    before = len(model_history(ana, name="sentiment").moves)
    assert promote_model(ben, ref=version.ref) == version
    assert len(model_history(ana, name="sentiment").moves) == before


def test_an_undeclared_environment_is_answered_with_the_declared_ones(
    ana: LocalWorkspace, ben: LocalWorkspace
):
    judge(ana, register(ana))
    approve_model(ben, ref="sentiment")
    with pytest.raises(UnknownEnvironment, match="Did you mean 'staging'"):
        promote_model(ben, ref="sentiment", environment="stagin")


def test_what_is_live_is_retired_only_after_another_has_its_place(ana: LocalWorkspace, ben: LocalWorkspace):
    first = make_live(ana, ben, register(ana, learnt="a"))
    with pytest.raises(IllegalTransition, match="Legal from live: promote, recall"):
        retire_model(ben, ref=first.ref, reason="old")
    make_live(ana, ben, register(ana, learnt="b"))
    assert retire_model(ben, ref=first.ref, reason="old").state is State.RETIRED


def test_a_recall_empties_the_environments_and_is_final(ana: LocalWorkspace, ben: LocalWorkspace):
    version = make_live(ana, ben, register(ana))
    recalled = recall_model(ben, ref=version.ref, reason="insults people")
    assert (recalled.state, recalled.environments) == (State.RECALLED, [])
    with pytest.raises(NothingLive, match="environment 'production'"):
        resolve_version(ana, ref="sentiment@production")
    with pytest.raises(IllegalTransition, match="this state is final"):
        promote_model(ben, ref=version.ref)


def test_a_rejected_version_registered_again_is_still_rejected(ana: LocalWorkspace):
    reject_model(ana, ref=register(ana).ref, reason="not fit")
    again = register(ana)
    assert (again.known, again.state) == (True, State.REJECTED)


def test_history_says_who_moved_what_when_and_why(
    ana: LocalWorkspace, ben: LocalWorkspace, clock: FixedClock
):
    version = register(ana)
    clock.advance(seconds=DAY)
    make_live(ana, ben, version)
    moves = model_history(ana, name="sentiment").moves
    assert [(move.move, move.by, move.after.value) for move in moves] == [
        ("register", "ana", "candidate"),
        ("gate", "ana", "validated"),
        ("approve", "ben", "approved"),
        ("promote", "ben", "live"),
    ]
    assert moves[0].at.date().isoformat() == "2026-01-01"
    assert moves[3].at.date().isoformat() == "2026-01-02"
    assert moves[2].evidence == moves[1].evidence == resolve_version(ana, ref=version.ref).evidence


def test_history_answers_what_was_in_production_on_a_day(
    ana: LocalWorkspace, ben: LocalWorkspace, clock: FixedClock
):
    make_live(ana, ben, register(ana, learnt="a"))
    clock.advance(seconds=2 * DAY)
    make_live(ana, ben, register(ana, learnt="b"))
    clock.advance(seconds=2 * DAY)
    recall_model(ben, ref="sentiment@2", reason="harm")

    def standing(at: str) -> list[tuple[str, str | None]]:
        return [(each.environment, each.ref) for each in model_history(ana, name="sentiment", at=at).standing]

    assert standing("2025-12-31") == []
    assert standing("2026-01-02") == [("production", "sentiment@1")]
    assert standing("2026-01-03") == [("production", "sentiment@2")]
    assert standing("2026-01-05T12:00:00") == [("production", None)]
    with pytest.raises(BadMoment, match="'yesterday' is not a date"):
        standing("yesterday")


def test_code_that_did_not_run_here_is_not_approved_until_somebody_trusts_it(ana: LocalWorkspace):
    version = register(ana)
    assert get_model(ana, ref=version.ref).source_approved is False
    with pytest.raises(UnknownSource, match="no registered source"):
        trust_source(ana, source="f" * 64)
    assert trust_source(ana, source=version.source[:10]).source == version.source
    assert trust_source(ana, source=version.source).known is True
    assert get_model(ana, ref=version.ref).source_approved is True


def test_a_damaged_manifest_is_named(ana: LocalWorkspace):
    version = register(ana)
    manifest = ana.store.read_tree(version.package)["manifest.json"]
    damage(ana.store.open_path(manifest))
    with pytest.raises(ModelDamaged, match=f"'manifest.json' of 'sentiment@1' \\(object {manifest}\\)"):
        get_model(ana, ref=version.ref)


def damage(path: Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_registry_is_the_same_after_its_events_are_replayed(ana: LocalWorkspace, ben: LocalWorkspace):
    make_live(ana, ben, register(ana, learnt="a"))
    make_live(ana, ben, register(ana, learnt="b"))
    recall_model(ben, ref="sentiment@2", reason="harm")
    before = list_models(ana), model_history(ana, name="sentiment", at="2030-01-01")
    ana.ledger.rebuild()
    assert (list_models(ana), model_history(ana, name="sentiment", at="2030-01-01")) == before
