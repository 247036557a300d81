"""Checks on the data: plain functions that give back the rows they object to. They run at `ropeway data add`.

`severity="error"` keeps a version from training; `"warn"` says so and puts it on record.
"""

import polars as pl

from ropeway import check

TOLERANCE = 0.001


@check("ratings", "reviews", severity="warn")
def published_mean_is_the_mean_of_the_ratings(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose published mean is not that of their own ratings.

    A warning, since nothing here is learnt from the published means: the labels are made of the ratings.
    """
    difference = (pl.col("published_mean") - pl.col("ratings").list.mean()).abs()
    return rows.filter(difference > TOLERANCE)
