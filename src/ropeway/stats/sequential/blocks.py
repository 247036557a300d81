"""Differences from arms of unequal size: a block of entities, then the next.

The idea: where only one version answered an entity, entities of both arms that settled about the same time
are held against each other. A block is open until it holds both arms; its difference is the mean cost of
its live entities less that of the candidate's. Who is in which arm was drawn without looking, so given all
blocks before it a block's difference has the true gain as its mean. What changes for everybody from hour to
hour is in both means of a block, and cancels. No entity is in two blocks, and none is waited for: at a weight
of 10 % a block is mostly one candidate entity beside some nine live ones.

Entities that have both answers need no block: each is a difference of its own, in the same sequence.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

LEAST = 1
"""Entities of each arm that close a block."""


def pair(settled: "pl.DataFrame", *, least: int = LEAST) -> "pl.DataFrame":
    """Make one sequence of differences of settled entities.

    Args:
        settled: from `entities.settle`: `arm`, `cost_live`, `cost_candidate`, `settled_at`, in that order.
        least: entities of each arm that close a block.

    Returns:
        A row for each difference, in order of settling: `settled_at`, `difference`, and how many entities of
        each arm are in it, `live` and `candidate`. Entities of a block still open are not in it.

    Example:
        >>> import polars as pl
        >>> from datetime import datetime, timedelta
        >>> settled = pl.DataFrame(
        ...     {
        ...         "arm": ["live", "both", "live", "candidate", "candidate"],
        ...         "cost_live": [4.0, 2.0, 2.0, None, None],
        ...         "cost_candidate": [None, 0.0, None, 1.0, 3.0],
        ...         "settled_at": [datetime(2026, 1, day) for day in range(1, 6)],
        ...     }
        ... )
        >>> pair(settled).select("difference", "live", "candidate").rows()
        [(2.0, 1, 1), (2.0, 2, 1)]
    """
    import polars as pl

    numbered = settled.with_row_index("order")
    both = numbered.filter(pl.col("arm") == "both").select(
        "order",
        "settled_at",
        (pl.col("cost_live") - pl.col("cost_candidate")).alias("difference"),
        pl.lit(1, dtype=pl.UInt32).alias("live"),
        pl.lit(1, dtype=pl.UInt32).alias("candidate"),
    )
    alone = numbered.filter(pl.col("arm") != "both")
    blocks = number_blocks((alone["arm"] == "candidate").to_numpy(), least=least)
    held = alone.with_columns(pl.Series("block", blocks, dtype=pl.Int64)).filter(pl.col("block") >= 0)
    unpaired = (
        held.group_by("block")
        .agg(
            pl.col("order").max(),
            pl.col("settled_at").last(),
            (pl.col("cost_live").mean() - pl.col("cost_candidate").mean()).alias("difference"),
            pl.col("cost_live").count().alias("live"),
            pl.col("cost_candidate").count().alias("candidate"),
        )
        .drop("block")
    )
    return pl.concat([both, unpaired]).sort("order").drop("order")


def number_blocks(is_candidate: NDArray[np.bool_], *, least: int = LEAST) -> NDArray[np.int64]:
    """Number the block of each entity from 0; -1 for those of a block still open.

    Example:
        >>> number_blocks(np.array([False, False, True, True, False, True])).tolist()
        [0, 0, 0, 1, 1, -1]
    """
    numbers = np.full(len(is_candidate), -1, dtype=np.int64)
    block = start = live = candidate = 0
    for position, mine in enumerate(is_candidate.tolist()):
        candidate += mine
        live += not mine
        if live >= least and candidate >= least:
            numbers[start : position + 1] = block
            block, start, live, candidate = block + 1, position + 1, 0, 0
    return numbers
