"""What was answered, what was said of it, and what would have been answered: as tables, over any time.

Read from sealed Parquet, found by the ledger's index of segments, and from the segments that are still open.
A segment counts once, wherever it stands while it is being sealed. Each record keeps the time that its
writer's clock said; where clocks jump, times are as they were told, and ties go by place.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ropeway.predictions.columns import FEEDBACK_KIND, PLACE, PREDICTIONS_KIND, SHADOWS_KIND, Kind
from ropeway.predictions.errors import SegmentMisnamed
from ropeway.predictions.sealed import SealedSegment, find_sealed, is_any_sealed, list_sealed, parquet_of
from ropeway.predictions.segments import SEGMENTS, open_segments, place_of, read_lying
from ropeway.store.errors import ObjectDamaged, ObjectMissing, SegmentDamaged

if TYPE_CHECKING:
    import polars as pl

PREDICTIONS_COLUMNS = (
    "id",
    "at",
    "model",
    "environment",
    "entity",
    "inputs",
    "carried",
    "prediction",
    "probabilities",
    "latency_us",
    "error",
    "rollout",
    "instead_of",
    "run_us",
    "hashed",
    "dropped",
)
SHADOWS_COLUMNS = ("of", "at", "model", "prediction", "probabilities", "latency_us", "error", "rollout")


class HasHome(Protocol):
    """A workspace, or a call in one: what has a folder `.ropeway`."""

    @property
    def home(self) -> Path:
        """That folder."""
        ...


def predictions(
    source: "Path | HasHome",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    model: str | None = None,
    environment: str | None = None,
) -> "pl.DataFrame":
    """The answers of a time, oldest first; those that failed too, with their `error`.

    Args:
        source: a workspace, an operation's context, or the folder `.ropeway`.
        since: from then on.
        until: up to then, without it.
        model: only that version, as `name@number`.
        environment: only those that were given there.

    Returns:
        A row for each answer: id, at (UTC), model, environment, entity, inputs, carried, prediction,
        probabilities, latency_us, error, rollout, instead_of, run_us, hashed, dropped. JSON text: inputs,
        carried, prediction, probabilities (null where the model gave none), hashed and dropped.
    """
    lazy = lazy_predictions(source, since=since, until=until, model=model, environment=environment)
    return lazy.sort("at", *PLACE).select(PREDICTIONS_COLUMNS).collect()


def lazy_predictions(
    source: "Path | HasHome",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    model: str | None = None,
    environment: str | None = None,
) -> "pl.LazyFrame":
    """As `predictions`, in no order and read only when collected: for counts over a long time."""
    import polars as pl

    lazy = scan(_home(source), PREDICTIONS_KIND, since, until, model, environment)
    lazy = lazy if model is None else lazy.filter(pl.col("model") == model)
    return lazy if environment is None else lazy.filter(pl.col("environment") == environment)


def feedback(source: "Path | HasHome", *, as_of: datetime | None = None) -> "pl.DataFrame":
    """What was said last of each prediction that anything was said of.

    Args:
        source: as in `predictions`.
        as_of: only what had been said before then; else all.

    Returns:
        A row for each prediction: id, truth (JSON text), truth_at, by, note, and truths, how often it was
        said what the answer should have been. The latest holds; of the same moment, the one written last.
    """
    return lazy_feedback(source, as_of=as_of).collect()


def lazy_feedback(source: "Path | HasHome", *, as_of: datetime | None = None) -> "pl.LazyFrame":
    """As `feedback`, read only when collected."""
    return _latest(_home(source), as_of)


def judged(
    source: "Path | HasHome",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    model: str | None = None,
    environment: str | None = None,
    as_of: datetime | None = None,
) -> "pl.DataFrame":
    """The answers of a time with what was said of each: `predictions`, and the columns of `feedback`.

    Truth may come long after the time that is asked for; `as_of` leaves out what came from then on. Where
    nothing was said, truth, truth_at, by and note are null and truths is 0.
    """
    import polars as pl

    answers = predictions(source, since=since, until=until, model=model, environment=environment)
    said = _latest(_home(source), as_of, among=answers.select("id")).collect()
    joined = answers.join(said, on="id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("truths").fill_null(0))


def shadows(
    source: "Path | HasHome",
    *,
    rollout: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> "pl.DataFrame":
    """What other versions would have answered, oldest first; given to nobody.

    Returns:
        A row for each: of (the answer that was given), at, model, prediction, probabilities, latency_us,
        error, rollout.
    """
    import polars as pl

    lazy = scan(_home(source), SHADOWS_KIND, since, until)
    lazy = lazy if rollout is None else lazy.filter(pl.col("rollout") == rollout)
    return lazy.sort("at", *PLACE).select(SHADOWS_COLUMNS).collect()


def is_empty(source: "Path | HasHome", kind: str = "predictions") -> bool:
    """Whether nothing of a kind was ever written here; costs no reading of records."""
    home = _home(source)
    return not open_segments(home, kind) and not is_any_sealed(home, kind)


def scan(
    home: Path,
    kind: Kind,
    since: datetime | None = None,
    until: datetime | None = None,
    model: str | None = None,
    environment: str | None = None,
) -> "pl.LazyFrame":
    """Every readable record of a kind in a time, with all its columns, in no order.

    Sealed segments that cannot have one of that time, version or environment are not opened; in the others,
    rows of another version or environment stay among these.

    Raises:
        ObjectMissing, ObjectDamaged: the Parquet of a segment is not there, or not what it was.
    """
    import polars as pl

    frames, sealed = _gather(home, kind, since, until)
    files: list[Path] = []
    for each in sealed:
        if model is not None and model not in each.models:
            continue
        if environment is not None and environment not in (each.environments or [""]):
            continue
        try:
            files.append(parquet_of(home, each))
        except (ObjectMissing, ObjectDamaged):
            path = home / SEGMENTS / kind.name / each.file_name
            # The file of a sealed segment stays while its Parquet is hurt, and is then the last copy.
            if not path.exists():
                raise
            frames.append(_read_open(kind, path))
    parts = [pl.DataFrame(schema=kind.schema()).lazy(), *(frame.lazy() for frame in frames)]
    if files:
        parts.append(kind.read_parquet(files))
    lazy = pl.concat(parts).filter(pl.col("at").is_not_null())
    lazy = lazy if since is None else lazy.filter(pl.col("at") >= since)
    return lazy if until is None else lazy.filter(pl.col("at") < until)


def _gather(
    home: Path, kind: Kind, since: datetime | None, until: datetime | None
) -> "tuple[list[pl.DataFrame], list[SealedSegment]]":
    """What open segments hold, and the sealed ones that have records of a time: each segment once."""
    # First the files, then the ledger: a segment that is sealed meanwhile is then in at least one of both.
    paths = open_segments(home, kind.name)
    sealed, names = list_sealed(home, kind.name, since=since, until=until)
    frames: list[pl.DataFrame] = []
    for path in paths:
        if path.name in names:
            continue
        try:
            frames.append(_read_open(kind, path))
        except (SegmentDamaged, SegmentMisnamed):
            continue  # fsck and sealing name it; what others wrote is not held back by it
        except FileNotFoundError:
            # Sealed since the look at the ledger, or empty and removed.
            late = find_sealed(home, kind.name, *place_of(path))
            sealed.extend([late] if late else [])
    return frames, sealed


def _home(source: "Path | HasHome") -> Path:
    return source if isinstance(source, Path) else source.home


def _latest(home: Path, as_of: datetime | None, among: "pl.DataFrame | None" = None) -> "pl.LazyFrame":
    """The last truth of each prediction, and how many there were."""
    import polars as pl

    # Any feedback may be about any prediction, however clocks stood: nothing is skipped by `since`.
    said = scan(home, FEEDBACK_KIND, None, as_of)
    if among is not None:
        said = said.join(among.lazy(), on="id", how="semi")
    return (
        said.sort("at", *PLACE)
        .group_by("id", maintain_order=True)
        .agg(
            pl.col("value").last().alias("truth"),
            pl.col("at").last().alias("truth_at"),
            pl.col("by").last(),
            pl.col("note").last(),
            pl.len().cast(pl.Int64).alias("truths"),
        )
    )


def _read_open(kind: Kind, path: Path) -> "pl.DataFrame":
    from ropeway.predictions.columns import to_frame

    lying = read_lying(path)
    return to_frame(kind, lying.header, lying.records)
