"""Whether who is heard depends on who answered: then what is heard proves no gain.

People who are content say less than those who are not. Where only wrong answers are reported, and the live
version's are what people see, each report is of its mistake, and any other version looks better there. At
shares, who answers is drawn by lot, which shows it in two ways. As large a share of either version's
entities must be heard of, but for chance. And where every row is put to both versions, what the candidate
saves must be the same whoever answered: that its answers look bad where people saw them, and good where they
did not, is the mark of complaints.

In shadow everybody sees the live version's answers, and nothing of this can be told. A gain that is proven
there is promoted no sooner than the steps behind it have shown the same.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ropeway.continuous.rollouts.events import SHADOW
from ropeway.continuous.rollouts.reading import RolloutState

if TYPE_CHECKING:
    import polars as pl

CERTAIN = 0.001
"""Two coverages differ where chance brings it so seldom. Each look for itself: a wait ends with its cause."""
CONTRADICTED = 0.01
"""How often, over all looks at a rollout, chance alone may show two gains where there is one."""
LEAST = 20
"""Entities that the candidate answered, of which a mean says something."""


def unlike_coverage(rows: "pl.DataFrame", rollout: RolloutState) -> str:
    """Why entities of one arm are heard of more often than those of the other; empty where they are not.

    Args:
        rows: answers: `id`, `entity`, `at`, `arm`, `error`, `is_labelled`.
        rollout: as it stands; only this step's answers are looked at, as shares were the same in it.
    """
    import polars as pl

    from ropeway.stats.fisher import exact_p

    if rollout.share == SHADOW:
        return ""
    own = pl.when(pl.col("entity") == "").then(pl.col("id")).otherwise(pl.col("entity"))
    # By entity, and not by row: whoever tells what is true of one answer tells it of the next.
    entities = (
        rows.filter((pl.col("at") >= rollout.step_at) & (pl.col("error") == ""))
        .sort("at", "id")
        .group_by(own.alias("entity"))
        .agg(pl.col("arm").first(), pl.col("is_labelled").any())
    )
    heard = {}
    for arm in ("live", "candidate"):
        of = entities.filter(pl.col("arm") == arm)["is_labelled"]
        heard[arm] = (int(of.sum()), len(of))
    (theirs, all_theirs), (own_heard, all_own) = heard["live"], heard["candidate"]
    if not all_theirs or not all_own or exact_p(*heard.values()) > CERTAIN:
        return ""
    return (
        f"the truth is known of {own_heard:,} of {all_own:,} entities that the candidate answered and of "
        f"{theirs:,} of {all_theirs:,} that the live version did, more than chance sets them apart: who is "
        "heard may depend on the answer, so nothing is decided"
    )


def contradiction(
    priced: "pl.DataFrame", rollout: RolloutState, *, began: datetime | None, now: datetime, is_gain: bool
) -> str:
    """Why what the candidate saves depends on who answered; empty where it does not, or nobody can tell.

    Entities that both versions answered, since shares were drawn: those to whom the candidate's answer was
    given are held against those who got the live version's, as the arms themselves are (`blocks.pair`).
    The bet is on either side, and holds whenever one looks. Beside it, a gain that is proven by all
    together waits as long as those who saw the candidate's answers show none.

    Args:
        priced: rows as the test hears them.
        rollout: as it stands.
        began: when the first share was drawn; None in shadow.
        now: what settles later has not been heard.
        is_gain: a gain is proven.
    """
    import polars as pl

    from ropeway.stats.sequential.betting import Betting
    from ropeway.stats.sequential.blocks import pair
    from ropeway.stats.sequential.entities import settle

    if began is None or not rollout.terms.mirror:
        return ""
    saved = pl.col("cost_live") - pl.col("cost_candidate")
    known_at = pl.when(pl.col("labelled_at").is_not_null()).then(
        pl.max_horizontal("labelled_at", "mirrored_at")
    )
    saved_by = priced.filter(pl.col("at") >= began).with_columns(
        *(pl.when(pl.col("arm") == arm).then(saved).alias(f"cost_{arm}") for arm in ("live", "candidate")),
        known_at.alias("labelled_at"),
    )
    settled = settle(saved_by, wait=timedelta(seconds=rollout.terms.settle), now=now)
    differences = pair(settled)["difference"].to_numpy()
    sides = [Betting(2 * rollout.terms.scale, 0.0) for _ in range(2)]
    for side, sign in zip(sides, (1, -1), strict=True):
        side.update(sign * differences)
    own, theirs = settled["cost_candidate"].drop_nulls(), settled["cost_live"].drop_nulls()
    is_unlike = max(side.e for side in sides) >= 2 / CONTRADICTED
    is_seen_by_others_only = is_gain and len(own) >= LEAST and _mean(own) <= 0
    if not (is_unlike or is_seen_by_others_only):
        return ""
    return (
        f"the candidate saves {_mean(own):.3g} an entity where its own answer was given and "
        f"{_mean(theirs):.3g} where the live version's was: who is heard may depend on the answer, so "
        "nothing is decided"
    )


def _mean(costs: "pl.Series") -> float:
    mean = costs.mean()
    return float(mean) if isinstance(mean, int | float) else 0.0
