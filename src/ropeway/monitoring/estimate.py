"""How good answers are likely to be before any truth came: from the model's own confidence.

Confidence is believed as far as it was right on the rows that the version was tuned on; what that assumes is
said in `stats.estimated`. How far that is, is learnt once for each version and kept beside its reference.
"""

from collections.abc import Sequence

import msgspec
import polars as pl

from ropeway.core.errors import RopewayError
from ropeway.data.assign import split_frame
from ropeway.data.load import load, resolve
from ropeway.models.exam import LEARNT_PARTS
from ropeway.models.load import load_version
from ropeway.models.reference_operations import learnt_split
from ropeway.monitoring.judge import decoded
from ropeway.monitoring.operations import find_calibration, record_calibration
from ropeway.monitoring.watched import WatchedVersion
from ropeway.stats.answers import PREDICTION
from ropeway.stats.calibration import BIN_ROWS, Calibration, fit_calibration
from ropeway.stats.estimated import Estimate, estimate
from ropeway.workspace import Project, Workspace

TUNE = LEARNT_PARTS[1]
FEWEST_ROWS = 5 * BIN_ROWS
"""Of fewer tuned rows a curve has too few bins to tell sure from unsure: confidence is believed as it is."""

MOST_ROWS = 50_000
"""Of more answers in a window so many are drawn: what chance then adds is small beside what is assumed."""


def estimate_rows(rows: pl.DataFrame, calibration: Calibration | None, project: Project) -> Estimate | None:
    """What is to be expected of some answers; None for numbers, and where no probabilities were logged.

    Args:
        rows: answers and failures, as `predictions.history` gives them.
        calibration: how far the version's confidence may be believed; None believes it as it stands.
        project: names the metric and the costs.
    """
    if rows.height > MOST_ROWS:
        rows = rows.sample(MOST_ROWS, seed=project.gate.seed)
    given = [each for each in decoded(rows["probabilities"]) if isinstance(each, dict) and each]
    if not given:
        return None
    classes = list(dict.fromkeys(name for each in given for name in each))
    probabilities = {name: [float(each.get(name) or 0.0) for each in given] for name in classes}
    found = estimate(
        probabilities,
        metric=project.charter.metric,
        costs=project.charter.cost,
        calibration=calibration,
        seed=project.gate.seed,
    )
    return found if found.value is not None else None


def calibration_of(watched: WatchedVersion) -> Calibration | None:
    """How far a version's confidence may be believed; learnt now where nobody has, None where it cannot be.

    A version is loaded and asked for its tuned rows for this: its code runs, if it may.
    """
    workspace, ref = watched.workspace, watched.version.ref
    known = find_calibration(workspace, ref=ref)
    try:
        if known is None:
            learnt = _learn(watched)
            if learnt is None:
                return None
            calibration, rows = learnt
            digest = workspace.store.put(msgspec.json.encode(calibration))
            known = record_calibration(workspace, ref=ref, calibration=digest, rows=rows)
        return msgspec.json.decode(workspace.store.read(known), type=Calibration)
    except (RopewayError, msgspec.DecodeError):
        # Without it the window is judged as well; only the estimate believes the model as it speaks.
        return None


def _learn(watched: WatchedVersion) -> tuple[Calibration, int] | None:
    target = watched.manifest.target
    if target is None or list(watched.manifest.signature.outputs) == [PREDICTION]:
        return None
    rows = _tuned_rows(watched.workspace, watched).drop_nulls(target)
    if rows.height < FEWEST_ROWS:
        return None
    with load_version(watched.workspace, watched.version) as model:
        said = model.predict(rows.drop(target))
    classes = [name for name in said.columns if name != PREDICTION]
    if len(classes) < 2:
        return None
    truth = _texts(rows[target].to_list(), classes)
    return fit_calibration({name: said[name].to_numpy() for name in classes}, truth), rows.height


def _tuned_rows(workspace: Workspace, watched: WatchedVersion) -> pl.DataFrame:
    split = learnt_split(workspace, ref=watched.version.ref)
    dataset = resolve(workspace, watched.manifest.datasets[0])
    frame = load(workspace, dataset)
    parts = split_frame(workspace, dataset, split, frame)
    return frame.filter(parts["part"] == TUNE)


def _texts(values: Sequence[object], classes: Sequence[str]) -> list[str]:
    """Truth in the words of the columns."""
    words = {str(value): str(value) for value in classes}
    return [words.get(str(value), words.get(str(value).lower(), str(value))) for value in values]
