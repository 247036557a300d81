"""LightGBM, XGBoost and CatBoost really train, and tell a run."""

from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost

from ropeway.plugins.boosters import CatBoostCallback, lightgbm_callback, xgboost_callback
from ropeway.plugins.sklearn import record_fit

# What a release of another library finds old is not ours to fail by.
pytestmark = pytest.mark.filterwarnings("ignore")

CHANCE = np.random.default_rng(0)
ROWS = CHANCE.normal(size=(200, 3))
SIDES = (ROWS[:, 0] + CHANCE.normal(size=200) > 0).astype(int)
ROUNDS = 4


def test_lightgbm_tells_of_each_round_and_is_kept_in_its_own_form(run, kept) -> None:
    made = lightgbm.LGBMClassifier(n_estimators=ROUNDS, verbose=-1)
    made.fit(ROWS, SIDES, eval_set=[(ROWS[:50], SIDES[:50])], callbacks=[lightgbm_callback(run)])
    record_fit(run, made, ROWS, SIDES)
    found = kept(run)
    assert found.steps("valid_0/binary_logloss") == list(range(ROUNDS))
    again = lightgbm.Booster(model_str=found.files["model.txt"].decode())
    assert np.allclose(again.predict(ROWS), made.predict_proba(ROWS)[:, 1])
    assert found.run.params["n_estimators"] == ROUNDS


def test_lightgbm_tells_of_cross_validation(run, kept) -> None:
    table = lightgbm.Dataset(ROWS, SIDES)
    lightgbm.cv(
        {"objective": "binary", "verbose": -1}, table, ROUNDS, nfold=3, callbacks=[lightgbm_callback(run)]
    )
    found = kept(run)
    assert found.steps("valid/binary_logloss") == list(range(ROUNDS))
    assert found.run.metrics["valid/binary_logloss/std"] > 0


def test_xgboost_tells_of_each_round_and_is_kept_in_its_own_form(run, kept) -> None:
    made = xgboost.XGBClassifier(n_estimators=ROUNDS, callbacks=[xgboost_callback(run)])
    made.fit(ROWS, SIDES, eval_set=[(ROWS, SIDES)], verbose=False)
    record_fit(run, made, ROWS, SIDES)
    found = kept(run)
    assert found.steps("validation_0/logloss") == list(range(ROUNDS))
    again = xgboost.Booster()
    again.load_model(bytearray(found.files["model.json"]))
    assert np.allclose(again.predict(xgboost.DMatrix(ROWS)), made.predict_proba(ROWS)[:, 1])


def test_xgboost_tells_of_cross_validation(run, kept) -> None:
    table = xgboost.DMatrix(ROWS, SIDES)
    xgboost.cv({"objective": "binary:logistic"}, table, ROUNDS, callbacks=[xgboost_callback(run)])
    found = kept(run)
    assert found.steps("test/logloss") == list(range(ROUNDS))
    assert found.run.metrics["test/logloss/std"] > 0


def test_catboost_tells_of_each_round_and_is_kept_in_its_own_form(run, kept, tmp_path: Path) -> None:
    made = catboost.CatBoostClassifier(iterations=ROUNDS, verbose=False, allow_writing_files=False)
    made.fit(ROWS, SIDES, eval_set=(ROWS, SIDES), callbacks=[CatBoostCallback(run)])
    record_fit(run, made, ROWS, SIDES)
    found = kept(run)
    assert found.steps("validation/Logloss") == found.steps("learn/Logloss")
    assert len(found.steps("learn/Logloss")) == ROUNDS
    (tmp_path / "again.cbm").write_bytes(found.files["model.cbm"])
    again = catboost.CatBoostClassifier().load_model(str(tmp_path / "again.cbm"))
    assert np.allclose(again.predict_proba(ROWS), made.predict_proba(ROWS))
