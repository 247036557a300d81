"""From predictions with their costs to entities that count once: settling.

The idea: predictions about one customer are not independent, so the customer is the unit. An entity counts
once in a rollout, by the mean cost over its predictions whose truth was known when it settled: a fixed
time after its first label. After that it is frozen. Labels that come later, and second thoughts about the
old ones, are kept by the log and make no difference to the test: what was weighed once cannot be
weighed again when its outcome is known.

An entity with predictions that both versions answered counts by those alone; each is known when its truth is
and both answers are on record. Otherwise it belongs to the arm and the step that it was first exposed to, and
what another arm answered it, or the same arm in a later step, is left out: within a step everybody's chance
of either arm is the same, and so are the times at which entities of both arms were answered.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def settle(rows: "pl.DataFrame", *, wait: timedelta, now: datetime | None = None) -> "pl.DataFrame":
    """Find the entities that have settled, in order of settling.

    Args:
        rows: the predictions of a rollout, one row for each label that came, and one for each prediction
            without any: `id`, `entity` (empty: the prediction by itself), `at`, `arm` (who answered: "live"
            or "candidate"), `step` (a number for each time during which shares stayed as they were, below 0
            for times at which nobody knows them), `cost_live` and `cost_candidate` (null where that version
            gave no answer or no truth is known), `labelled_at` (null without a label), `mirrored_at` (when
            the other version's answer came on record, null where it did not have to).
        wait: from an entity's first label to its settling.
        now: entities that settle later have not settled yet; None to wait for nobody.

    Returns:
        A row for each settled entity: `entity`, `arm` ("both", "live" or "candidate"), `step` (in which it
        was exposed first), `cost_live`, `cost_candidate`, `predictions` (how many it counts by),
        `settled_at`. Ties are in order of entity.

    Example:
        >>> import polars as pl
        >>> hour = lambda n: datetime(2026, 1, 1, n)
        >>> rows = pl.DataFrame(
        ...     {
        ...         "id": ["p1", "p2", "p1"],
        ...         "entity": ["ann", "ann", "ann"],
        ...         "at": [hour(1), hour(2), hour(1)],
        ...         "arm": ["live", "live", "live"],
        ...         "step": [0, 0, 0],
        ...         "cost_live": [4.0, 0.0, 10.0],
        ...         "cost_candidate": [0.0, 0.0, 0.0],
        ...         "labelled_at": [hour(3), hour(4), hour(9)],  # at 9 somebody thinks again of p1
        ...         "mirrored_at": [hour(1), hour(2), hour(1)],
        ...     }
        ... )
        >>> settle(rows, wait=timedelta(hours=2)).select("cost_live", "predictions").rows()
        [(2.0, 2)]
    """
    import polars as pl

    own = pl.when(pl.col("entity") == "").then(pl.col("id")).otherwise(pl.col("entity"))
    rows = rows.with_columns(own.alias("entity"))
    counted = _countable(rows)
    settled_at = (pl.col("known_at").min() + wait).over("entity").alias("settled_at")
    known = counted.with_columns(settled_at).filter(pl.col("known_at") <= pl.col("settled_at"))
    if now is not None:
        known = known.filter(pl.col("settled_at") <= now)
    # Of several labels of one prediction the latest; of those that came together the last in the frame.
    latest = known.sort("labelled_at", maintain_order=True).unique("id", keep="last", maintain_order=True)
    return _summed(latest)


def _countable(rows: "pl.DataFrame") -> "pl.DataFrame":
    """The labelled rows that may count: answered by both, or where and by whom the entity was seen first."""
    import polars as pl

    seen_first = (pl.col(name).first().alias(f"first_{name}") for name in ("arm", "step"))
    first = rows.sort("at", "id").group_by("entity").agg(seen_first)
    is_paired = pl.col("cost_live").is_not_null() & pl.col("cost_candidate").is_not_null()
    cost = pl.when(pl.col("arm") == "live").then(pl.col("cost_live")).otherwise(pl.col("cost_candidate"))
    is_first = (pl.col("arm") == pl.col("first_arm")) & (pl.col("step") == pl.col("first_step"))
    is_alone = is_first & (pl.col("step") >= 0) & cost.is_not_null()
    # What the other version would have said may come on record after the truth: it is not known before.
    known_at = pl.when(is_paired).then(pl.max_horizontal("labelled_at", "mirrored_at"))
    return (
        rows.filter(pl.col("labelled_at").is_not_null())
        .join(first, on="entity", how="left")
        .with_columns(is_paired.alias("is_paired"), known_at.otherwise("labelled_at").alias("known_at"))
        .filter(pl.col("is_paired") | is_alone)
    )


def _summed(latest: "pl.DataFrame") -> "pl.DataFrame":
    """Entities by the mean of the rows that count."""
    import polars as pl

    has_pairs = pl.col("is_paired").any().over("entity")
    chosen = latest.filter(pl.col("is_paired") | ~has_pairs)
    arm = pl.when(pl.col("is_paired").first()).then(pl.lit("both")).otherwise(pl.col("arm").first())
    mean_of = {
        name: pl.when(arm.is_in(["both", name])).then(pl.col(f"cost_{name}").mean()).alias(f"cost_{name}")
        for name in ("live", "candidate")
    }
    return (
        chosen.group_by("entity")
        .agg(
            arm.alias("arm"),
            pl.col("first_step").first().alias("step"),
            mean_of["live"],
            mean_of["candidate"],
            pl.len().alias("predictions"),
            pl.col("settled_at").first(),
        )
        .sort("settled_at", "entity")
    )
