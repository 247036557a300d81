"""What frameworks tell reaches the run: of scikit-learn really, of the others as their protocols say."""

import io
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ropeway.plugins.boosters import CatBoostCallback, lightgbm_callback
from ropeway.plugins.sklearn import record_fit
from ropeway.plugins.torch import LightningCallback, Means
from ropeway.tracking.points import list_points
from ropeway.tracking.records import RunSummary
from ropeway.tracking.resolve import resolve_run
from ropeway.tracking.run import Run
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

ROWS = np.arange(80.0).reshape(40, 2) % 7
SIDES = ROWS[:, 0] > 3


class Env(NamedTuple):
    """What LightGBM hands to a callback, as far as ours looks."""

    iteration: int
    evaluation_result_list: list[tuple[object, ...]]


@pytest.fixture
def run(workspace: LocalWorkspace) -> Run:
    return start_run(workspace)


def ended(workspace: LocalWorkspace, run: Run) -> RunSummary:
    run.finish()
    return resolve_run(workspace, run.id)


def told(workspace: LocalWorkspace, run: Run) -> list[tuple[int | None, str, float]]:
    return [(each.step, each.key, each.value) for each in list_points(workspace, run=run.id)]


def test_a_search_is_recorded_with_its_settings_results_and_best_estimator(
    workspace: LocalWorkspace, run: Run
):
    made = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(made, {"logisticregression__C": [0.1, 10.0]}, cv=2).fit(ROWS, SIDES)
    metrics = record_fit(run, search, ROWS, SIDES)
    found = ended(workspace, run)
    assert found.metrics == metrics
    assert set(metrics) == {
        "search/best_score", "test/accuracy", "test/macro_f1", "test/log_loss", "test/roc_auc",
    }  # fmt: skip
    assert found.params["logisticregression__C"] == search.best_params_["logisticregression__C"]
    assert found.params["search.cv"] == 2
    table = pl.read_csv(io.BytesIO(workspace.store.read(found.artifacts["model-search.csv"].digest)))
    assert table["mean_test_score"].to_list() == pytest.approx(search.cv_results_["mean_test_score"])
    assert found.artifacts["model.skops"].size_bytes > 0


def test_a_regressor_is_measured_as_one(workspace: LocalWorkspace, run: Run):
    truth = ROWS @ [1.0, 2.0]
    metrics = record_fit(run, LinearRegression().fit(ROWS, truth), ROWS, truth, part="tune")
    assert set(metrics) == {"tune/rmse", "tune/mae", "tune/r2"}
    assert metrics["tune/r2"] == pytest.approx(1.0)
    assert ended(workspace, run).tags["estimator"] == "LinearRegression"


def test_an_estimator_that_has_no_safe_form_is_not_kept_and_the_rest_is(
    workspace: LocalWorkspace, run: Run, caplog: pytest.LogCaptureFixture
):
    made = make_pipeline(FunctionTransformer(lambda rows: rows + 1), LogisticRegression()).fit(ROWS, SIDES)
    record_fit(run, made, ROWS, SIDES)
    found = ended(workspace, run)
    assert "was not kept" in caplog.text
    assert found.artifacts == {}
    assert "test/accuracy" in found.metrics


def test_lightgbm_and_catboost_tell_of_each_round(workspace: LocalWorkspace, run: Run):
    lightgbm = lightgbm_callback(run)
    lightgbm(Env(0, [("valid_0", "auc", np.float64(0.5), True)]))
    lightgbm(Env(1, [("cv_agg", "auc", 0.75, True, 0.25)]))
    catboost = CatBoostCallback(run)
    assert catboost.after_iteration(SimpleNamespace(iteration=2, metrics={"learn": {"RMSE": [3.0, 2.0]}}))
    run.finish()
    assert told(workspace, run) == [
        (0, "valid_0/auc", 0.5), (1, "cv_agg/auc", 0.75), (1, "cv_agg/auc/std", 0.25), (2, "learn/RMSE", 2.0),
    ]  # fmt: skip


def test_means_are_weighted_by_rows_and_logged_once_an_epoch(workspace: LocalWorkspace, run: Run):
    with Means(run, 3, part="train") as means:
        means.add(30, loss=np.float32(1.0))
        means.add(10, loss=np.float32(2.0), accuracy=0.5)
    with pytest.raises(ZeroDivisionError), Means(run, 4) as broken:
        broken.add(loss=1.0 / 0)
    run.finish()
    assert told(workspace, run) == [(3, "train/loss", 1.25), (3, "train/accuracy", 0.5)]


def test_lightning_finds_every_hook_and_its_metrics_are_told_once(workspace: LocalWorkspace, run: Run):
    callback = LightningCallback(run, every=2)
    trainer = SimpleNamespace(callback_metrics={"loss": 0.5}, global_step=1, sanity_checking=True)
    callback.setup(trainer, None, stage="fit")
    callback.on_fit_start(trainer, SimpleNamespace(hparams={"lr": 0.1, "layers": [1, 2]}))
    callback.on_validation_end(trainer, None)
    callback.on_train_batch_end(trainer, None, None, None, 0)
    trainer.global_step = 2
    callback.on_train_batch_end(trainer, None, None, None, 1)
    callback.on_train_epoch_end(trainer, None)
    callback.on_something_of_a_later_release(trainer)
    assert not hasattr(callback, "no_hook")
    assert ended(workspace, run).params == {"lr": 0.1, "layers": "[1, 2]"}
    assert told(workspace, run) == [(2, "loss", 0.5)]
