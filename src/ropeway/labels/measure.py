"""Measure how far the raters of a label set agree, and put it on record."""

import polars as pl

from ropeway.labels.operations import label_set, latest_ratings, record_agreement
from ropeway.labels.ratings import load_ratings
from ropeway.labels.records import MeasuredAgreement
from ropeway.labels.settings import require_current
from ropeway.stats.agreement import measure_agreement
from ropeway.workspace import Workspace


def measure(workspace: Workspace, name: str) -> MeasuredAgreement:
    """Krippendorff's alpha of the latest ratings, at the level of the set's scale.

    The interval has the charter's confidence; resamples and seed are the gate's. Where alpha is undefined
    (one rating an item, or all ratings equal) it is missing, and the record says why.

    Raises:
        LabelSetNotFound: ropeway.toml has no such set.
        RatingsNotFound: nothing was imported yet.
        SettingsChanged: it was imported under other settings.
    """
    settings = label_set(workspace.project, name)
    version = latest_ratings(workspace, labels=name)
    require_current(version, settings)
    given = load_ratings(workspace.store, version.ratings).drop_nulls("value")
    codes = given.select(
        item=pl.col("item").rank("dense"),
        value=pl.col("value") if given.schema["value"].is_numeric() else pl.col("value").rank("dense"),
    )
    gate = workspace.project.gate
    measured = measure_agreement(
        codes["item"].to_numpy(),
        codes["value"].to_numpy(),
        settings.scale,
        confidence=workspace.project.charter.confidence,
        resamples=gate.bootstrap,
        seed=gate.seed,
    )
    return record_agreement(
        workspace,
        labels=name,
        ratings=version.ratings,
        level=measured.level,
        alpha=measured.alpha,
        low=measured.low,
        high=measured.high,
        confidence=measured.confidence,
        resamples=gate.bootstrap,
        seed=gate.seed,
        units=measured.units,
        count=measured.ratings,
        undefined=measured.undefined,
    )
