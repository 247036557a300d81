import pandas as pd
import polars as pl
import pytest
from models_projects import WORDS_PIPELINE, WORDS_TOML, cancer, notes

import ropeway
from ropeway.core.errors import Invalid
from ropeway.models.errors import NotAFrame, RequestMismatch, VersionRecalled
from ropeway.models.load import load_model
from ropeway.models.operations import approve_model, gate_model, recall_model
from ropeway.models.register import register
from ropeway.pipelines.errors import ColumnMissing
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace

ROW = {"mean_radius": 14.0, "mean_texture": 20.0, "mean_smoothness": 0.1, "mean_concavity": 0.1}


@pytest.fixture
def tumour(project) -> LocalWorkspace:
    workspace = cancer(project)
    run_pipeline(workspace)
    register(workspace)
    return workspace


def test_load_is_public_and_needs_no_open_workspace(tumour: LocalWorkspace):
    with ropeway.load("tumour@1", project=tumour.root) as model:
        answer = model.predict(pl.DataFrame([ROW]))
    assert answer.columns == list(model.outputs) == ["benign", "malignant"]
    assert answer.sum_horizontal().item() == pytest.approx(1)


def test_columns_are_found_by_name_and_others_passed_over(tumour: LocalWorkspace):
    with load_model(tumour, "tumour") as model:
        straight = model.predict(pl.DataFrame([ROW]))
        shuffled = model.predict(pl.DataFrame([{"extra": "x", **dict(reversed(ROW.items()))}]))
    assert shuffled.equals(straight)


def test_the_signature_keeps_the_order_of_the_columns_after_a_rebuild(tumour: LocalWorkspace):
    tumour.ledger.rebuild()
    assert register(tumour).known is True
    with load_model(tumour, "tumour") as model:
        assert list(model.inputs) == list(ROW)


def test_a_missing_column_is_named(tumour: LocalWorkspace):
    with load_model(tumour, "tumour") as model, pytest.raises(Invalid, match="mean_concavity"):
        model.predict(pl.DataFrame([ROW]).drop("mean_concavity"))


def test_values_that_can_be_read_are_and_others_are_refused_by_name(tumour: LocalWorkspace):
    with load_model(tumour, "tumour") as model:
        whole = model.predict(pl.DataFrame([ROW | {"mean_radius": 14}]))
        assert whole.equals(model.predict(pl.DataFrame([ROW])))
        with pytest.raises(RequestMismatch, match="'mean_radius' is String and cannot be read as Float64"):
            model.predict(pl.DataFrame([ROW | {"mean_radius": "wide"}]))


@pytest.mark.parametrize("given", [7, [1, 2], [], b"x", {"a": [1], "b": [1, 2]}.items()])
def test_something_that_is_no_rows_is_refused(tumour: LocalWorkspace, given: object):
    with load_model(tumour, "tumour") as model, pytest.raises(NotAFrame, match="A model answers rows"):
        model.predict(given)


def test_whatever_holds_rows_is_asked_alike(tumour: LocalWorkspace):
    rows = [ROW, {**ROW, "mean_radius": 20.0}]
    frame = pl.DataFrame(rows)
    columns = {name: frame[name].to_list() for name in frame.columns}
    with load_model(tumour, "tumour") as model:
        wanted = model.predict(frame)
        for given in (rows, tuple(rows), columns, pd.DataFrame(rows), {k: frame[k] for k in columns}):
            assert model.predict(given).equals(wanted)
        assert model.predict(ROW).equals(wanted[:1])


def test_what_is_missing_or_of_another_type_is_named(tumour: LocalWorkspace):
    with load_model(tumour, "tumour") as model:
        with pytest.raises(ColumnMissing, match="mean_radius"):
            model.predict([{"mean_texture": 1.0}])
        with pytest.raises(RequestMismatch, match="'mean_radius' is str"):
            model.predict({**ROW, "mean_radius": "wide"})


def test_a_model_of_one_column_takes_a_list_of_texts(project):
    workspace = notes(project)
    run_pipeline(workspace)
    register(workspace)
    with load_model(workspace, "mood") as model:
        wanted = model.predict(pl.DataFrame({"text": ["glad day", "sad sea"]}))
        for given in (
            ["glad day", "sad sea"],
            pd.Series(["glad day", "sad sea"]),
            {"text": ["glad day", "sad sea"]},
        ):
            assert model.predict(given).equals(wanted)
        assert model.predict("glad day").equals(wanted[:1])


def test_two_versions_of_one_file_answer_side_by_side(project):
    workspace = notes(project)
    run_pipeline(workspace)
    register(workspace)
    turned = WORDS_PIPELINE.replace("(1 + good) / (2 + good + bad)", "(1 + bad) / (2 + good + bad)")
    (workspace.root / "pipeline.py").write_text(turned)
    run_pipeline(workspace)
    register(workspace)
    rows = pl.DataFrame({"text": ["fine glad warm"]})
    with load_model(workspace, "mood@1") as one, load_model(workspace, "mood@2") as two:
        assert one.predict(rows)["good"].item() > 0.8
        assert two.predict(rows)["good"].item() < 0.2
        assert one.predict(rows)["good"].item() > 0.8


def test_a_loaded_model_needs_the_project_files_no_more(tumour: LocalWorkspace):
    (tumour.root / "pipeline.py").write_text("raise RuntimeError('not this one')")
    with load_model(tumour, "tumour") as model:
        assert model.predict(pl.DataFrame([ROW])).height == 1


def test_a_recalled_version_is_not_loaded(project):
    workspace = notes(project, toml=WORDS_TOML.replace('name = "mood"', 'name = "mood"\napproval = "self"'))
    run_pipeline(workspace)
    register(workspace)
    assert gate_model(workspace, ref="mood").passed
    approve_model(workspace, ref="mood")
    recall_model(workspace, ref="mood", reason="harm")
    with pytest.raises(VersionRecalled, match="'mood@1' was recalled"):
        load_model(workspace, "mood")
