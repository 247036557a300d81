"""Approving and promoting want evidence that would be the same today."""

import pytest
from models_packages import dataset_of, judge, make_live
from models_packages import register as register_package
from models_projects import HALVES_TOML, WORDS_PIPELINE, WORDS_TOML, halves, notes
from models_steps import proposed, put_live, rewrite

from ropeway.data.recheck import check_version
from ropeway.models.errors import FourEyes, StaleEvidence
from ropeway.models.operations import approve_model, gate_model, promote_model, resolve_version
from ropeway.models.register import register
from ropeway.models.states import State
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace

MOOD = "[labels.mood]\ndataset = 'raw'\nguide = 'guide.md'\nsnapshot = 'judged'\nratings = 'said'\n"


def test_approval_wants_evidence_against_what_is_in_production_now(project):
    workspace = notes(project)
    first = proposed(workspace)
    rewrite(workspace, WORDS_TOML, **{"pipeline.py": WORDS_PIPELINE + "\n# the same, said anew\n"})
    second = proposed(workspace)
    gate_model(workspace, ref=second)
    put_live(workspace, first)
    with LocalWorkspace(workspace.root, actor="ben") as ben:
        with pytest.raises(StaleEvidence, match="compared with no other version, and mood@1 is in prod"):
            approve_model(ben, ref=second)
        gate_model(ben, ref=second)
        assert approve_model(ben, ref=second).champion == first


def test_a_bar_raised_after_the_gate_stops_approval_and_promotion(project):
    # A model that is wrong about every row went live under a bar of 0.9: the gate had looked under one of 0.
    workspace = halves(project)
    ref = proposed(workspace, flip=True)
    raised = HALVES_TOML.replace("bar = 0.0", "bar = 0.9")
    assert gate_model(workspace, ref=ref).passed
    with LocalWorkspace(workspace.root, actor="ben") as ben:
        rewrite(workspace, raised)
        with pytest.raises(StaleEvidence, match=r"stale: bar was 0 and is 0\.9 now") as caught:
            approve_model(ben, ref=ref)
        assert caught.value.next_step == f"ropeway gate {ref}"
        rewrite(workspace, HALVES_TOML)
        approve_model(ben, ref=ref)
        rewrite(workspace, raised)
        with pytest.raises(StaleEvidence, match=r"bar was 0 and is 0\.9 now"):
            promote_model(ben, ref=ref)
        report = gate_model(ben, ref=ref)
    assert (report.passed, report.state) == (False, State.CANDIDATE)
    assert resolve_version(workspace, ref=ref).approved_by is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("metric = 'macro_f1'", "metric was macro_f1 and is accuracy now"),
        ("confidence = 0.99", r"confidence was 0\.99 and is 0\.95 now"),
        ("[charter.cost.yes]\nno = 2.0", "cost was .* and is not set now"),
        ("[gate]\nmin_gain = -1.0", "min_gain was -1 and is 0 now"),
        (f"[gate]\nagreement = 'mood'\n{MOOD}", "agreement was mood and is not set now"),
        ("[gate]\nmax_skew = 1.0", "max_skew was 1 and is 1e-06 now"),
    ],
)
def test_every_setting_of_the_judgement_counts(ana: LocalWorkspace, ben: LocalWorkspace, change, said):
    version = register_package(ana)
    plain = "[project]\nname = 'sentiment'\n[charter]\n"
    given = "" if "metric" in change else "metric = 'accuracy'\n"
    rewrite(ana, f"{plain}{given}{change}\n")
    judge(ana, version)
    rewrite(ana, f"{plain}metric = 'accuracy'\n")
    with pytest.raises(StaleEvidence, match=said):
        approve_model(ben, ref=version.ref)


def test_data_that_broke_its_contract_since_stops_approval(ana: LocalWorkspace, ben: LocalWorkspace):
    version = register_package(ana)
    judge(ana, version)
    contract = ana.root / "contracts" / "tweets.toml"
    contract.write_text(contract.read_text().replace("[columns.text]", "[columns.words]"))
    check_version(ana, "tweets")
    assert dataset_of(ana) == version.dataset
    with pytest.raises(StaleEvidence, match="tweets@v1 breaks its contract or checks now"):
        approve_model(ben, ref=version.ref)


def test_of_two_that_were_judged_without_a_champion_only_one_goes_live(project):
    # The second one, wrong about every row and compared with nothing, took the first one's place.
    workspace = halves(project)
    good, bad = proposed(workspace), proposed(workspace, flip=True)
    with LocalWorkspace(workspace.root, actor="ben") as ben:
        for ref in (good, bad):
            assert gate_model(workspace, ref=ref).passed
            approve_model(ben, ref=ref)
        promote_model(ben, ref=good)
        with pytest.raises(StaleEvidence, match=f"no other version, and {good} is in production now"):
            promote_model(ben, ref=bad)
        assert not gate_model(ben, ref=bad).passed


def test_going_back_to_what_was_live_wants_nothing_anew(ana: LocalWorkspace, ben: LocalWorkspace):
    first = make_live(ana, ben, register_package(ana, learnt="a"))
    make_live(ana, ben, register_package(ana, learnt="b"))
    rewrite(ana, "[project]\nname = 'sentiment'\n[charter]\nbar = 0.99\n[environments.production]\n")
    assert promote_model(ben, ref=first.ref).state is State.LIVE


def test_staging_takes_what_was_compared_with_production(ana: LocalWorkspace, ben: LocalWorkspace):
    make_live(ana, ben, register_package(ana, learnt="a"))
    second, third = register_package(ana, learnt="b"), register_package(ana, learnt="c")
    for version in (second, third):
        judge(ana, version)
        approve_model(ben, ref=version.ref)
    assert promote_model(ben, ref=second.ref, environment="staging").environments == ["staging"]
    promote_model(ben, ref=second.ref)
    with pytest.raises(StaleEvidence, match="compared with sentiment@1, and sentiment@2 is in production"):
        promote_model(ben, ref=third.ref, environment="staging")


def test_who_trained_a_version_may_not_approve_it_though_another_registered_it(project):
    # Typing `model register` for somebody else made that person the only proposer.
    workspace = halves(project)
    run_pipeline(workspace)
    with LocalWorkspace(workspace.root, actor="cara") as cara:
        ref = register(cara).ref
        gate_model(cara, ref=ref)
        with pytest.raises(FourEyes, match=f"'cara' registered '{ref}'"):
            approve_model(cara, ref=ref)
    with pytest.raises(FourEyes, match=f"'ana' trained '{ref}' and may not approve it as well"):
        approve_model(workspace, ref=ref)
    rewrite(workspace, HALVES_TOML.replace('name = "halves"', 'name = "halves"\napproval = "self"'))
    assert approve_model(workspace, ref=ref).self_approved is True
