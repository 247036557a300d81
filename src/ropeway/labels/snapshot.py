"""Make a labelled dataset version of ratings and decisions: the data that pipelines learn from."""

from collections.abc import Sequence

import polars as pl

from ropeway.data.add import examine_made
from ropeway.data.key_text import key_text
from ropeway.data.load import load, resolve
from ropeway.data.naming import check_name
from ropeway.data.read import read_table
from ropeway.data.records import DatasetVersion
from ropeway.labels.aggregate import aggregate, disputed
from ropeway.labels.errors import BadRatings, SnapshotMoved
from ropeway.labels.operations import (
    label_set,
    last_seq,
    latest_ratings,
    list_adjudications,
    record_snapshot,
)
from ropeway.labels.ratings import load_ratings
from ropeway.labels.records import Adjudication, LabelSnapshot
from ropeway.labels.settings import check_keep, require_current
from ropeway.store import Store
from ropeway.workspace import LabelSet, Workspace

ATTEMPTS = 5
NOTE = "_mean", "_share", "_ratings"
"""What stands beside the label: the mean rating, the share of the most common label, how many ratings."""


def snapshot(workspace: Workspace, name: str) -> LabelSnapshot:
    """Turn the latest ratings, with all decisions so far, into a version of the set's labelled dataset.

    Columns: those kept, the label under the set's name, and `NAME_mean`, `NAME_share`, `NAME_ratings`; these
    four are on record as label columns, so that no pipeline sees them among its rows. Items without a label
    (not rated, or tied and not decided) are left out and counted.

    Raises:
        LabelSetNotFound: ropeway.toml has no such set.
        RatingsNotFound: nothing was imported yet.
        SettingsChanged: it was imported under other settings.
        ColumnNotFound, RatingsKept: `keep` names a column that is not there, or that holds the ratings.
        BadRatings: no item has a label, or a kept column has the label's name.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _snapshot(workspace, name)
        except SnapshotMoved:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _snapshot(workspace: Workspace, name: str) -> LabelSnapshot:
    settings = label_set(workspace.project, name)
    version = latest_ratings(workspace, labels=name)
    require_current(version, settings)
    decisions = list_adjudications(workspace, labels=name)
    items = aggregate(load_ratings(workspace.store, version.ratings), settings)
    rows = load(workspace, resolve(workspace, f"{version.dataset}@{version.dataset_version}"))
    frame = labelled(rows, items, name, settings, decisions)
    if not frame.height:
        raise BadRatings(
            name, "no item has a label", expected="items with a majority, or decided by a person"
        )
    known = set(key_text(frame[settings.item]))
    found = examine_made(
        workspace,
        frame,
        name=check_name(settings.snapshot),
        key=[settings.item],
        label_columns=label_columns(frame, name),
        source=f"labels of '{name}' on {version.dataset}",
    )
    waiting = disputed(items, settings, [decision.item for decision in decisions])
    return record_snapshot(
        workspace,
        labels=name,
        ratings=version.ratings,
        found=found,
        classes=dict(sorted(frame[name].value_counts().iter_rows())),
        adjudicated=sum(decision.item in known for decision in decisions),
        left_out=items.height - frame.height,
        disputed=sum(item in known for item in waiting["item"]),
        last_decision=last_seq(decisions),
    )


def labelled(
    rows: pl.DataFrame,
    items: pl.DataFrame,
    name: str,
    settings: LabelSet,
    decisions: Sequence[Adjudication] = (),
) -> pl.DataFrame:
    """The kept columns with the label and what is known of it, in the data's own order."""
    check_keep(name, settings, rows.columns)
    keep = columns_to_keep(rows.columns, settings)
    for column in (name, *(name + ending for ending in NOTE)):
        if column in keep:
            raise BadRatings(
                name,
                f"column '{column}' of the data has the name of a label column",
                expected=f"`keep` in [labels.{name}] without '{column}'",
            )
    decided = pl.DataFrame(
        {
            "item": [decision.item for decision in decisions],
            "decided": [decision.label for decision in decisions],
        },
        schema={"item": pl.String, "decided": pl.String},
    )
    labels = (
        items.join(decided, on="item", how="left", maintain_order="left")
        .select(
            "item",
            pl.coalesce("decided", "label").alias(name),
            pl.col("mean").alias(f"{name}_mean"),
            pl.col("share").alias(f"{name}_share"),
            pl.col("count").alias(f"{name}_ratings"),
        )
        .drop_nulls(name)
    )
    # Words have no mean, and a column without a single value tells nothing.
    if labels[f"{name}_mean"].null_count() == labels.height:
        labels = labels.drop(f"{name}_mean")
    first = rows.unique(settings.item, keep="first", maintain_order=True)
    kept = first.select(*keep, key_text(first[settings.item]).alias("__item__"))
    joined = kept.join(labels, left_on="__item__", right_on="item", how="inner", maintain_order="left")
    return joined.drop("__item__")


def label_columns(frame: pl.DataFrame, name: str) -> list[str]:
    """The columns of a labelled frame that hold the label or what it was made of."""
    return [column for column in (name, *(name + ending for ending in NOTE)) if column in frame.columns]


def columns_to_keep(columns: Sequence[str], settings: LabelSet) -> list[str]:
    """The item and the columns that the set keeps: those it names, else all but the ratings."""
    ratings = {settings.ratings, settings.rater, settings.value}
    named = settings.keep or [column for column in columns if column not in ratings]
    return [settings.item, *(column for column in named if column != settings.item)]


def kept_columns(
    store: Store, version: DatasetVersion, settings: LabelSet, items: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The kept columns of some items as text, by item."""
    rows = read_table(store.open_path(version.version), form=version.format, kinds=version.columns)
    wanted = rows.filter(key_text(rows[settings.item]).is_in(list(items)))
    keep = [column for column in columns_to_keep(rows.columns, settings)[1:] if column in rows.columns]
    keys = key_text(wanted[settings.item]).to_list()
    return {
        key: {column: str(row[column]) for column in keep if row[column] is not None}
        for key, row in zip(keys, wanted.iter_rows(named=True), strict=True)
    }
