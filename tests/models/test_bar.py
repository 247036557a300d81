"""The bar: what few test rows may and may not say."""

from models_projects import HALVES_TOML, halves
from models_steps import by_name, proposed, rewrite

from ropeway.models.operations import gate_model


def test_a_faultless_model_on_few_rows_is_not_called_sure(project):
    # A bootstrap of rows without an error has none: it was "95% sure of at least 1.000" on four rows.
    workspace = halves(project)
    bar = by_name(gate_model(workspace, ref=proposed(workspace)))["bar"]
    assert bar.passed
    assert bar.figure is not None
    assert 0.5 < bar.figure < 1.0


def test_too_few_test_rows_are_no_evidence_at_all(project):
    workspace = halves(project)
    ref = proposed(workspace)
    rewrite(workspace, HALVES_TOML.replace("min_rows = 5", "min_rows = 100"))
    bar = by_name(gate_model(workspace, ref=ref))["bar"]
    assert (bar.passed, bar.code, bar.limit) == (False, "too-few-test-rows", 100.0)
    assert "too few to tell" in bar.says
