"""Boosted trees: the metrics of each round of XGBoost, LightGBM, CatBoost, and models in their own form."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.tracking.run import Run

if TYPE_CHECKING:
    import xgboost


def lightgbm_callback(run: Run) -> Callable[[Any], None]:
    """For `lightgbm.train(…, callbacks=[…])` and `fit(…, callbacks=[…])`: `valid_0/auc` at each round.

    Of cross-validation, the mean, and the deviation as `…/std`.
    """

    def callback(env: Any) -> None:
        found: dict[str, float] = {}
        for row in env.evaluation_result_list or ():
            part, metric, value, _, *deviation = row
            found[f"{part}/{metric}"] = float(value)
            if deviation:
                found[f"{part}/{metric}/std"] = float(deviation[0])
        if found:
            run.log(env.iteration, **found)

    # After those that stop early, LightGBM's own order: 20 logs, 30 stops.
    callback.order = 25  # type: ignore[attr-defined]
    return callback


def xgboost_callback(run: Run) -> "xgboost.callback.TrainingCallback":
    """For `xgboost.train(…, callbacks=[…])` and `XGBClassifier(callbacks=[…])`: `eval/logloss` at each round.

    Of cross-validation, the mean, and the deviation as `…/std`.
    """
    from xgboost.callback import TrainingCallback

    class Callback(TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            found: dict[str, float] = {}
            for part, metrics in evals_log.items():
                for metric, values in metrics.items():
                    last = values[-1]
                    value, *deviation = last if isinstance(last, tuple | list) else (last,)
                    found[f"{part}/{metric}"] = float(value)
                    if deviation:
                        found[f"{part}/{metric}/std"] = float(deviation[0])
            if found:
                run.log(epoch, **found)
            return False

    return Callback()


class CatBoostCallback:
    """For CatBoost's `fit(…, callbacks=[…])`: `learn/Logloss`, `validation/Logloss` at each round."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def after_iteration(self, info: Any) -> bool:
        """Record the last value of each metric; True lets the training go on."""
        found = {
            f"{part}/{metric}": float(values[-1])
            for part, metrics in info.metrics.items()
            for metric, values in metrics.items()
        }
        if found:
            self._run.log(info.iteration, **found)
        return True


def native_form(estimator: Any) -> tuple[str, bytes] | None:
    """A fitted booster in its library's own form, which runs no code when loaded: the ending, and the bytes.

    None for what is no estimator of LightGBM, XGBoost or CatBoost.
    """
    match type(estimator).__module__.partition(".")[0]:
        case "lightgbm":
            return ".txt", estimator.booster_.model_to_string().encode()
        case "xgboost":
            return ".json", bytes(estimator.get_booster().save_raw("json"))
        case "catboost":
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.cbm"
                estimator.save_model(str(path))
                return ".cbm", path.read_bytes()
        case _:
            return None
