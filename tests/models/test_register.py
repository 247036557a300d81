from pathlib import Path

import polars as pl
import pytest
from models_projects import CANCER_PIPELINE, WORDS_PIPELINE, cancer, notes

from ropeway.core.errors import NotFound
from ropeway.core.ids import RunId
from ropeway.models.errors import ModelDamaged, ReplayDiffers, SourceNotApproved
from ropeway.models.load import load_model
from ropeway.models.operations import get_model, register_package, trust_run, trust_source
from ropeway.models.register import build_package, register
from ropeway.pipelines.errors import RunNotRecorded
from ropeway.pipelines.operations import show
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace

# Each of these answers a batch and a single row differently.
READS = "rows.select(COLUMNS).to_numpy()"
BATCH_MEAN = CANCER_PIPELINE.replace(READS, "(lambda x: x - x.mean(axis=0))(" + READS + ")")
SORTED = CANCER_PIPELINE.replace(READS, "rows.sort('mean_radius').select(COLUMNS).to_numpy()")


def test_a_run_becomes_a_candidate_named_after_the_project(project):
    workspace = notes(project)
    result = run_pipeline(workspace)
    version = register(workspace)
    assert (version.ref, version.state, version.run) == ("mood@1", "candidate", result.run)
    assert register(workspace, result.run, name="other").ref == "other@1"


def test_a_later_run_is_registered_under_the_name_that_the_model_has(project):
    # It was the project's name, so a retrained model became another one, compared with nothing.
    workspace = notes(project)
    run_pipeline(workspace)
    assert register(workspace, name="other").ref == "other@1"
    run_pipeline(workspace, overrides={"least": 60})
    assert register(workspace).ref == "other@2"


def test_the_same_content_from_another_run_is_the_same_version(project):
    workspace = notes(project)
    run_pipeline(workspace)
    first = register(workspace)
    run_pipeline(workspace, force=True)
    again = register(workspace)
    assert (again.ref, again.known, again.run) == (first.ref, True, first.run)


def test_another_parameter_that_changes_what_is_learnt_is_another_version(project):
    workspace = notes(project)
    run_pipeline(workspace)
    first = register(workspace)
    run_pipeline(workspace, overrides={"least": 100})
    second = register(workspace)
    assert (second.number, second.content != first.content) == (2, True)


def test_an_unknown_run_is_answered_with_the_known_ones(project):
    workspace = notes(project)
    run_pipeline(workspace)
    with pytest.raises(NotFound, match="run_nowhere"):
        register(workspace, "run_nowhere")


@pytest.mark.parametrize("pipeline", [BATCH_MEAN, SORTED], ids=["mean of the batch", "sorts its rows"])
def test_a_step_whose_answer_depends_on_other_rows_is_refused(project, pipeline: str):
    workspace = cancer(project, pipeline=pipeline)
    run_pipeline(workspace)
    with pytest.raises(ReplayDiffers, match=r"Sent alone, through JSON, row '\d+' gets .* in column '\w+'"):
        register(workspace)


def test_a_step_that_fails_on_a_single_row_is_refused(project):
    pipeline = WORDS_PIPELINE.replace("    scores = []\n", "    assert len(rows) > 1\n    scores = []\n")
    workspace = notes(project, pipeline=pipeline)
    run_pipeline(workspace)
    with pytest.raises(ReplayDiffers, match="Sent alone, through JSON, row '1' gets"):
        register(workspace)


def test_code_that_ran_here_is_approved_in_the_name_of_who_ran_it(project):
    workspace = notes(project)
    run_pipeline(workspace)
    with LocalWorkspace(workspace.root, actor="ben") as other:
        version = register(other)
        assert get_model(other, ref=version.ref).source_approved is True
        events = [fact.event for fact in facts(other) if type(fact.event).__name__ == "SourceApproved"]
    assert [(event.basis, event.source) for event in events] == [("ran here", version.source)]
    assert events[0].person != version.registered_by
    assert version.registered_by == "ben"


def test_a_package_registered_from_a_recorded_run_alone_is_not_approved(project):
    workspace = notes(project)
    record = show(workspace, run=run_pipeline(workspace).run)
    version = register_package(workspace, name="mood", package=build_package(workspace, record))
    assert get_model(workspace, ref=version.ref).source_approved is False
    with pytest.raises(RunNotRecorded, match="run_elsewhere"):
        trust_run(workspace, run=RunId("run_elsewhere"))


def facts(workspace: LocalWorkspace) -> list:
    with workspace.ledger.reading() as connection:
        return list(workspace.ledger.facts(connection))


def test_a_package_from_elsewhere_runs_only_once_its_source_is_trusted(project):
    home = notes(project)
    run_pipeline(home)
    package = register(home).package
    abroad = project('[project]\nname = "abroad"\n')
    snapshot = show(home).code
    for digest in [*home.store.read_tree(snapshot).values(), *home.store.read_tree(package).values()]:
        abroad.store.put(home.store.read(digest))
    for tree in (snapshot, package):
        abroad.store.put(home.store.read(tree))
    version = register_package(abroad, name="mood", package=package)
    with pytest.raises(SourceNotApproved, match="not approved in this workspace") as caught:
        load_model(abroad, "mood")
    assert f"ropeway model trust {version.source}" in caught.value.next_step
    trust_source(abroad, source=version.source)
    with load_model(abroad, "mood") as model:
        assert model.predict(pl.DataFrame({"text": ["fine day"]})).columns == ["bad", "good"]


@pytest.mark.parametrize("part", ["code/pipeline.py", "artifacts/words", "manifest.json", "replay.json"])
def test_a_corrupted_object_is_named_and_never_served(project, part: str):
    workspace = notes(project)
    run_pipeline(workspace)
    version = register(workspace)
    digest = workspace.store.read_tree(version.package)[part]
    path = workspace.store.open_path(digest)
    flip_a_bit(path)
    if part == "replay.json":  # not needed to answer; fsck finds it
        with load_model(workspace, "mood") as model:
            assert model.ref == "mood@1"
        return
    with pytest.raises(ModelDamaged, match=rf"'{part}' of 'mood@1' \(object {digest}\)"):
        load_model(workspace, "mood")


def test_a_package_whose_parts_do_not_fit_together_is_refused(project):
    workspace = notes(project)
    run_pipeline(workspace)
    tree = workspace.store.read_tree(register(workspace).package)
    tree["code/pipeline.py"] = workspace.store.put(b"print('not what was registered')")
    with pytest.raises(ModelDamaged, match=r"'manifest\.json' of 'mood'"):
        register_package(workspace, name="mood", package=workspace.store.put_tree(tree))


def flip_a_bit(path: Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
