"""What the gate says of serving holds for the service: rows are read by the same reader."""

import polars as pl
from models_projects import HALVES_PIPELINE, HALVES_TOML, bring
from models_steps import by_name, proposed, put_live, rewrite

from ropeway.models.load import load_model
from ropeway.models.operations import gate_model, model_card
from ropeway.models.reading import Signature
from ropeway.workspace import LocalWorkspace

HIGH = '(rows["x"] >= 30.0)'
PIPELINE = HALVES_PIPELINE.format("low", "high")
FILLS = PIPELINE.replace(HIGH, '(rows["x"].fill_null(0) >= 30.0)')


def gappy(
    project, pipeline: str, *, gap: float | None = None, rows: int = 240, file: str = "csv"
) -> LocalWorkspace:
    """Numbers of which every other one is missing."""
    workspace = project(HALVES_TOML, **{"pipeline.py": pipeline})
    x = [row / 4 if row % 2 else gap for row in range(rows)]
    frame = pl.DataFrame({"x": x, "label": ["low" if row < rows / 2 else "high" for row in range(rows)]})
    return bring(workspace, frame, "numbers", file=file)


def test_a_column_with_gaps_in_the_data_may_be_null_in_requests(project):
    # The gate said that rows sent as JSON get the same answers, and the service refused each with a null.
    workspace = gappy(project, FILLS)
    ref = proposed(workspace)
    skew = by_name(gate_model(workspace, ref=ref))["skew"]
    assert (skew.passed, skew.code) == (True, "")
    with load_model(workspace, ref) as model:
        assert model.nullable == {"x"}
        request, problems = Signature(model.inputs, nullable=model.nullable).read({"x": None})
        assert (request.row(0), problems) == ({"x": None}, [])
    assert "`x` (Float64, may be null)" in model_card(workspace, ref=ref)


def test_a_column_without_gaps_may_not_be_null(project):
    workspace = gappy(project, PIPELINE, gap=1.0)
    with load_model(workspace, proposed(workspace)) as model:
        _, problems = Signature(model.inputs, nullable=model.nullable).read({"x": None})
    assert [(each.field, each.got) for each in problems] == [("x", "is null")]


def test_a_test_row_that_the_service_would_refuse_is_said(project):
    # From 60 rows no range is inferred, which would keep infinity out.
    workspace = gappy(project, FILLS, gap=float("-inf"), rows=60, file="parquet")
    skew = by_name(gate_model(workspace, ref=proposed(workspace)))["skew"]
    assert (skew.passed, skew.code) == (False, "request-refused")
    assert "'x' is null where a finite number is expected" in skew.says


def test_a_version_that_takes_no_null_any_more_breaks_its_callers(project):
    workspace = gappy(project, FILLS)
    put_live(workspace, proposed(workspace))
    rewrite(workspace, HALVES_TOML.replace('"numbers"', '"others"'))
    whole = pl.DataFrame({"x": [row / 4 for row in range(240)]})
    bring(workspace, whole.with_columns(label=pl.Series(["low"] * 120 + ["high"] * 120)), "others")
    signature = by_name(gate_model(workspace, ref=proposed(workspace)))["signature"]
    assert (signature.passed, signature.code) == (False, "signature-changed")
    assert "'x' must not be null in requests now" in signature.says
