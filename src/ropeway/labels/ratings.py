"""Take in the ratings that a dataset holds, in list columns or one a row, under the guide they follow."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.key_text import key_text
from ropeway.data.load import load, require_trainable, resolve
from ropeway.data.naming import require_columns
from ropeway.data.parquet import parquet_bytes
from ropeway.labels.errors import BadRatings, GuideMissing
from ropeway.labels.operations import label_set, record_import
from ropeway.labels.records import RatingsVersion
from ropeway.labels.settings import check_keep, settings_digest
from ropeway.store import Store
from ropeway.workspace import LabelSet, Workspace

MOST_LABELS = 50
"""Labels without cut-offs that nobody listed: more are most likely free text or measurements."""


def import_ratings(workspace: Workspace, name: str) -> RatingsVersion:
    """Take in the ratings of a label set, from the latest version of its dataset.

    Ratings and guide that are in already, from the same data, are left as they are.

    Raises:
        LabelSetNotFound: ropeway.toml has no such set.
        GuideMissing: the guide is not there.
        BadRatings: no ratings, some outside the scale, one rater twice on one item, or no scale at all.
        ColumnNotFound, RatingsKept: a column is not there, or `keep` names one that holds the ratings.
        ContractViolated, ContractChanged, ChecksFailed: the dataset's version may not be learnt from.
    """
    settings = label_set(workspace.project, name)
    guide = workspace.root / settings.guide
    if not guide.is_file():
        raise GuideMissing(settings.guide)
    version = resolve(workspace, settings.dataset)
    require_trainable(version)
    frame = load(workspace, version)
    ratings = read_ratings(frame, name, settings)
    given = ratings.drop_nulls("value")
    per_item = given.group_by("item").len()["len"]
    items = ratings["item"].n_unique()
    return record_import(
        workspace,
        labels=name,
        ratings=workspace.store.put(parquet_bytes(ratings)),
        dataset=version.name,
        dataset_version=version.version,
        guide=PurePosixPath(settings.guide).stem,
        guide_version=workspace.store.put(guide.read_bytes()),
        items=items,
        unrated=items - len(per_item),
        count=given.height,
        fewest=min(per_item.to_list()),
        most=max(per_item.to_list()),
        raters=given["rater"].n_unique() if settings.rater else None,
        settings=settings_digest(settings),
    )


def read_ratings(frame: pl.DataFrame, name: str, settings: LabelSet) -> pl.DataFrame:
    """A dataset's ratings in long form: item, rater (missing where the data has none), value.

    Raises:
        ColumnNotFound: a column that the label set names is not there.
        BadRatings: as `import_ratings` says.
    """
    column = settings.ratings or settings.value or ""
    named = [settings.item, column, *([settings.rater] if settings.rater else [])]
    require_columns(settings.dataset, frame.columns, named, f"[labels.{name}] in ropeway.toml")
    check_keep(name, settings, frame.columns)
    is_list = isinstance(frame.schema[column], pl.List | pl.Array)
    if settings.ratings and not is_list:
        raise BadRatings(
            name,
            f"column '{column}' holds one value a row",
            expected=f'a list in each row; or, for one rating a row, value = "{column}" instead of ratings',
        )
    if settings.value and is_list:
        raise BadRatings(
            name,
            f"column '{column}' holds lists",
            expected=f'one value a row; or, for a list in each row, ratings = "{column}" instead of value',
        )
    long = frame.select(
        item=key_text(frame[settings.item]),
        rater=key_text(frame[settings.rater]) if settings.rater else pl.lit(None, dtype=pl.String),
        value=pl.col(column),
    )
    order = long.select("item").unique(maintain_order=True)
    if is_list:
        _check_items_once(long, name, settings)
        as_list = pl.col("value").cast(pl.List(_inner(frame.schema[column])))
        # Empty lists are taken out first: what becomes of them differs between releases of polars.
        long = long.filter(pl.col("value").list.len() > 0).with_columns(as_list).explode("value")
    rated = long.with_columns(_typed(long["value"], name, settings)).drop_nulls("value")
    # An item that nobody rated stays known, by one row without a value.
    long = order.join(rated, on="item", how="left", maintain_order="left_right")
    _check_values(long, name, settings)
    return long


def load_ratings(store: Store, ratings: Digest) -> pl.DataFrame:
    """Ratings in long form, as they were imported."""
    return pl.read_parquet(store.open_path(ratings), memory_map=False)


def _inner(dtype: pl.DataType) -> pl.DataType:
    assert isinstance(dtype, pl.List | pl.Array)
    inner = dtype.inner
    return inner if isinstance(inner, pl.DataType) else inner()


def _check_items_once(long: pl.DataFrame, name: str, settings: LabelSet) -> None:
    twice = long.filter(pl.col("item").is_duplicated())["item"]
    if len(twice):
        raise BadRatings(
            name,
            f"item '{twice[0]}' is in several rows",
            expected=f"each value of '{settings.item}' once, with all its ratings in one list",
        )


def _typed(values: pl.Series, name: str, settings: LabelSet) -> pl.Series:
    """Values as numbers where size or order counts, else as they are: numbers or words."""
    if values.dtype.is_numeric():
        return values.cast(pl.Float64).fill_nan(None)
    if values.null_count() == len(values):
        return values.cast(pl.Float64 if settings.scale != "nominal" else pl.String)
    if settings.scale == "nominal":
        return values.cast(pl.String)
    raise BadRatings(
        name,
        f"they are words, such as '{values.drop_nulls()[0]}'",
        expected=f'numbers, for the scale is "{settings.scale}"; words make a nominal scale',
    )


def _check_values(long: pl.DataFrame, name: str, settings: LabelSet) -> None:
    if long["item"].null_count():
        raise BadRatings(name, f"an item has no '{settings.item}'", expected="a key for each item")
    given = long.drop_nulls("value")
    if not given.height:
        raise BadRatings(name, "there is none: all are empty", expected="one rating or more")
    if settings.allowed:
        _check_allowed(given, name, settings.allowed)
    elif settings.aggregate == "majority" and not settings.cutoffs:
        _check_few(given["value"], name, settings)
    if settings.rater:
        nameless = given.filter(pl.col("rater").is_null())
        if nameless.height:
            raise BadRatings(
                name,
                f"{nameless.height:,} have no '{settings.rater}', the first on item '{nameless['item'][0]}'",
                expected="a rater for each; without `rater` in ropeway.toml all count as anonymous",
            )
        twice = given.filter(pl.struct("item", "rater").is_duplicated())
        if twice.height:
            raise BadRatings(
                name,
                f"'{twice['rater'][0]}' rated item '{twice['item'][0]}' more than once",
                expected="one rating of a rater for each item",
            )


def _check_few(values: pl.Series, name: str, settings: LabelSet) -> None:
    """Refuse free text and measurements: where each value is a label, people would have to give one twice."""
    different = values.n_unique()
    if different <= MOST_LABELS:
        return
    cut = ", or `cutoffs` that make classes of them" if values.dtype.is_numeric() else ""
    raise BadRatings(
        name,
        f"each different value is a label, and '{settings.ratings or settings.value}' holds {different:,} "
        f"(such as '{values[0]}')",
        expected=f"at most {MOST_LABELS} labels, or `allowed` with the list of all{cut}",
    )


def _check_allowed(given: pl.DataFrame, name: str, allowed: Sequence[float | str]) -> None:
    if given.schema["value"].is_numeric():
        try:
            known: list[float | str] = [float(value) for value in allowed]
        except ValueError:
            known = []
    else:
        known = [str(value) for value in allowed]
    outside = given.filter(~pl.col("value").is_in(known))
    if outside.height:
        value = outside["value"][0]
        shown = f"{value:g}" if isinstance(value, float) else f"'{value}'"
        raise BadRatings(
            name,
            f"{shown} on item '{outside['item'][0]}' is outside the scale ({outside.height:,} such ratings)",
            expected="one of " + ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in allowed),
        )
