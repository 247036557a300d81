"""Differences from arms of unequal size: a block of entities, then the next.

The idea: where only one version answered an entity, entities of both arms that were first exposed in the same
step, and settled about the same time, are held against each other. A block is open until it holds both arms;
its difference is the mean cost of its live entities less that of the candidate's. No entity is in two
blocks, and none is waited for: at a weight of 10 % a block is mostly one candidate entity beside some nine
live ones.

Why within a step: who is in which arm was drawn without looking, at shares that stay as they are for as long
as a step lasts. Labels take their time, so a block holds entities that were answered at different hours; yet
the arm says nothing about the hour, in the step: those of both arms were answered at the same times in
distribution, and given all blocks before it a block's difference has as its mean what live costs there less
what the candidate costs there. Across steps that is not so. After a raise from 10 % to 50 % the candidate's
entities are of later days than the live version's, and where costs fall for everybody a block of both steps
shows a gain that is not there (Simpson's paradox). So each step has its own open block, which those who are
labelled later go on filling.

What is left of a trend: the entity that closes a block is its last, and mostly of the smaller arm. A trend
moves a block's mean by what it does in some half a block, so all blocks together by less than its whole
range: as much as one entity may, and less the more it goes up and down.

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
        settled: from `entities.settle`: `arm`, `step`, `cost_live`, `cost_candidate`, `settled_at`, in
            order of settling.
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
        ...         "step": [1, 0, 1, 1, 2],
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
    both = _of_one_entity(numbered.filter(pl.col("arm") == "both"))
    alone = _in_blocks(numbered.filter(pl.col("arm") != "both"), least)
    return pl.concat([both, _of_blocks(alone)]).sort("order").drop("order")


def _of_one_entity(both: "pl.DataFrame") -> "pl.DataFrame":
    """The difference of each entity that has both answers."""
    import polars as pl

    return both.select(
        "order",
        "settled_at",
        (pl.col("cost_live") - pl.col("cost_candidate")).alias("difference"),
        pl.lit(1, dtype=pl.UInt32).alias("live"),
        pl.lit(1, dtype=pl.UInt32).alias("candidate"),
    )


def _in_blocks(alone: "pl.DataFrame", least: int) -> "pl.DataFrame":
    """Entities that one version answered, with the number of their `block` in its step; -1 in an open one."""
    import polars as pl

    steps = [
        each.with_columns(
            pl.Series(
                "block",
                number_blocks((each["arm"] == "candidate").to_numpy(), least=least),
                dtype=pl.Int64,
            )
        )
        for each in alone.partition_by("step", maintain_order=True)
    ]
    return pl.concat(steps or [alone.with_columns(pl.lit(-1, dtype=pl.Int64).alias("block"))])


def _of_blocks(alone: "pl.DataFrame") -> "pl.DataFrame":
    """The difference of each block that is closed, settled when its last entity was."""
    import polars as pl

    return (
        alone.filter(pl.col("block") >= 0)
        .group_by("step", "block")
        .agg(
            pl.col("order").max(),
            pl.col("settled_at").last(),
            (pl.col("cost_live").mean() - pl.col("cost_candidate").mean()).alias("difference"),
            pl.col("cost_live").count().alias("live"),
            pl.col("cost_candidate").count().alias("candidate"),
        )
        .drop("step", "block")
    )


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
