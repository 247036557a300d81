"""The ratings behind one label."""

import polars as pl

from ropeway.labels.aggregate import aggregate, item_label, value_words
from ropeway.labels.ratings import load_ratings
from ropeway.labels.records import Adjudication, RatingsBehind, RatingsVersion
from ropeway.store import Store
from ropeway.workspace import LabelSet


def behind(
    store: Store, version: RatingsVersion, settings: LabelSet, item: str, decision: Adjudication | None
) -> RatingsBehind | None:
    """What was rated, by how many, and what became of it; None for an item that is not among the ratings."""
    ratings = load_ratings(store, version.ratings).filter(pl.col("item") == item)
    if not ratings.height:
        return None
    found = item_label(aggregate(ratings, settings).row(0, named=True))
    counts = ratings.drop_nulls("value").group_by("value").len().sort("value")
    words = counts.select(value_words(pl.col("value"), counts.schema["value"]), "len")
    return RatingsBehind(
        labels=version.labels,
        item=item,
        ratings=version.ratings,
        guide=version.guide,
        guide_version=version.guide_version,
        label=decision.label if decision else found.label,
        count=found.count,
        values=dict(words.iter_rows()),
        distribution=found.distribution,
        mean=found.mean,
        share=found.share,
        who=_who(found.count, is_anonymous=version.raters is None),
        adjudication=decision,
    )


def _who(count: int, *, is_anonymous: bool) -> str:
    """How many raters an item had; nothing is said of who they are when the data does not."""
    kind = "anonymous rater" if is_anonymous else "rater"
    return f"{count:,} {kind}{'' if count == 1 else 's'}"
