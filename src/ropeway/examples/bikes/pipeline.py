"""The pipeline of the bikes project: plain functions. A parameter's name says whose output it gets."""

import polars as pl
from sklearn.ensemble import HistGradientBoostingRegressor

from ropeway import fit, step

WEATHER = {"clear": 0, "cloudy/misty": 1, "light rain/snow": 2, "heavy rain/snow": 3}


@step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    """What is known of an hour before it begins: the calendar, and the weather that is forecast."""
    return rows.select(
        "hr",
        "weekday",
        "holiday",
        "workingday",
        "temp",
        "atemp",
        "hum",
        "windspeed",
        # From fair to foul, as a number. Weather of a kind that nobody has heard of counts as missing.
        weather=pl.col("weather").replace_strict(WEATHER, default=None, return_dtype=pl.Int64),
    )


@fit
def regressor(features: pl.DataFrame, target: pl.Series) -> HistGradientBoostingRegressor:
    """Boosted trees, for counts. They answer from what they have seen, and know nothing beyond it."""
    return HistGradientBoostingRegressor(loss="poisson", random_state=0).fit(features, target)


@step(serve=True)
def bikers(regressor: HistGradientBoostingRegressor, features: pl.DataFrame) -> pl.DataFrame:
    """What is served: how many bikers there will be in the hour."""
    return pl.DataFrame({"prediction": regressor.predict(features)})
