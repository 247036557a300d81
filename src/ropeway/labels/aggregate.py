"""From many ratings to one label: cut-offs of the mean, or the majority; pure functions on frames.

A frame of ratings has one row a rating: `item` (text), `rater` (text or missing) and `value` (a number, or
text on a nominal scale). An item that nobody rated has one row without a value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from ropeway.labels.records import ItemLabel
from ropeway.workspace import LabelSet
from ropeway.workspace.tables.labels import Cutoff


def aggregate(ratings: pl.DataFrame, settings: LabelSet) -> pl.DataFrame:
    """One row an item, in the order of first appearance.

    Returns:
        Columns item, count, mean (missing for text), label (missing where there is none), share (of the most
        common label), is_tie, labels and votes (lists: the labels given, the most common first, and how
        often).
    """
    order = ratings.select("item").unique(maintain_order=True)
    given = ratings.drop_nulls("value").with_columns(own=own_labels(pl.col("value"), settings, ratings))
    votes = (
        given.group_by("item", "own")
        .agg(votes=pl.len())
        .sort(["item", "votes", "own"], descending=[False, True, False])
        .group_by("item", maintain_order=True)
        .agg(labels=pl.col("own"), votes=pl.col("votes"))
    )
    is_numeric = ratings.schema["value"].is_numeric()
    means = given.group_by("item").agg(
        count=pl.len(), mean=pl.col("value").mean() if is_numeric else pl.lit(None, dtype=pl.Float64)
    )
    table = (
        order.join(means, on="item", how="left", maintain_order="left")
        .join(votes, on="item", how="left", maintain_order="left")
        .with_columns(
            pl.col("count").fill_null(0).cast(pl.Int64),
            share=(pl.col("votes").list.first() / pl.col("count")).fill_null(0.0),
            is_tie=(
                pl.col("votes").list.get(0, null_on_oob=True) == pl.col("votes").list.get(1, null_on_oob=True)
            ).fill_null(value=False),
        )
    )
    if settings.aggregate == "mean":
        label = cut(pl.col("mean"), settings.cutoffs)
    else:
        # A tie has no majority: what one would get is the order of the alphabet.
        label = pl.when(~pl.col("is_tie")).then(pl.col("labels").list.first())
    return table.with_columns(label=label).select(
        "item", "count", "mean", "label", "share", "is_tie", "labels", "votes"
    )


def own_labels(values: pl.Expr, settings: LabelSet, ratings: pl.DataFrame) -> pl.Expr:
    """The label that a single rating speaks for: by the cut-offs where there are any, else its value."""
    if settings.cutoffs:
        return cut(values, settings.cutoffs)
    return value_words(values, ratings.schema["value"])


def value_words(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Values as words: 4.0 is `4`."""
    if not dtype.is_float():
        return values.cast(pl.String)
    return values.cast(pl.String).str.replace(r"\.0$", "")


def cut(values: pl.Expr, cutoffs: Sequence[Cutoff]) -> pl.Expr:
    """The label of the first cut-off whose bound a value is below (or up to); missing stays missing."""
    expression = pl.lit(cutoffs[-1].label)
    for cutoff in reversed(cutoffs[:-1]):
        inside = values < cutoff.below if cutoff.below is not None else values <= cutoff.upto
        expression = pl.when(inside).then(pl.lit(cutoff.label)).otherwise(expression)
    return pl.when(values.is_not_null()).then(expression)


def choices(settings: LabelSet, items: pl.DataFrame) -> list[str]:
    """The labels that an item can have."""
    if settings.cutoffs:
        return [cutoff.label for cutoff in settings.cutoffs]
    if settings.allowed:
        return [str(value).removesuffix(".0") for value in settings.allowed]
    return sorted(set(items["labels"].explode().drop_nulls()))


def disputed(items: pl.DataFrame, settings: LabelSet, decided: Sequence[str]) -> pl.DataFrame:
    """The items that a person should decide: not rated, tied, or under the share; the most disputed first."""
    waits = (pl.col("count") == 0) | pl.col("is_tie") | (pl.col("share") < settings.adjudicate_below)
    return items.filter(waits & ~pl.col("item").is_in(list(decided))).sort(
        ["share", "is_tie", "item"], descending=[False, True, False]
    )


def item_label(row: Mapping[str, Any], shown: Mapping[str, str] | None = None) -> ItemLabel:
    """A row of `aggregate` as a record."""
    distribution = dict(zip(row["labels"] or [], row["votes"] or [], strict=True))
    return msgspec.convert({**row, "distribution": distribution, "shown": dict(shown or {})}, ItemLabel)
