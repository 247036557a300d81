"""Give the rows of a dataset version their parts, and put that on record.

The record is a Parquet object with every key that ever had a part in this dataset, its part, its cluster, and
the version in which it was last seen. What resembles a row that is no longer there is judged by that version.
"""

from collections import Counter, defaultdict

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.errors import BadKeys, ColumnNotFound, SplitFixed, SplitMoved
from ropeway.data.key_text import key_text
from ropeway.data.load import load, resolve
from ropeway.data.operations import find_split, record_split
from ropeway.data.parquet import parquet_bytes
from ropeway.data.records import DatasetVersion, SplitRecord, SplitSettings
from ropeway.data.split import PARTS, Rows, assign_parts, column_texts
from ropeway.workspace import Input, Workspace

ATTEMPTS = 5
FIXED = ("key", "salt", "train", "tune", "test", "group")


def assign_split(workspace: Workspace, version: DatasetVersion, given: Input) -> SplitRecord:
    """The parts of a version's rows; drawn for new keys, kept for known ones.

    Args:
        workspace: where; its project file has the settings.
        version: the dataset version.
        given: the input that names the key.

    Raises:
        BadKeys: a key is missing or comes twice.
        ColumnNotFound: the key, the group or a text column is not there.
        SplitFixed: the settings are not those that the dataset's split was drawn with.
    """
    settings = _settings(workspace, given)
    for attempt in range(1, ATTEMPTS + 1):
        last = find_split(workspace, dataset=version.name)
        _check_fixed(version.name, last, settings)
        same = find_split(workspace, dataset=version.name, version=version.version)
        if same is not None and same.settings == settings:
            return same
        try:
            return _assign(workspace, version, settings, last)
        except SplitMoved:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def split_frame(
    workspace: Workspace, version: DatasetVersion, record: SplitRecord, rows: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The parts as a frame beside the rows: key, part and group (the cluster), in the rows' own order.

    Args:
        workspace: where.
        version: the dataset version that the record is of.
        record: as `assign_split` gave it.
        rows: the version's rows, where they are at hand; else they are loaded.
    """
    frame = rows if rows is not None else load(workspace, version)
    known = _read_record(workspace, record.digest)
    keys = frame.select(key=pl.col(record.settings.key), text=_as_text(frame, record.settings.key))
    joined = keys.join(known.rename({"key": "text"}), on="text", how="left", maintain_order="left")
    return joined.select("key", "part", "group")


def _assign(
    workspace: Workspace, version: DatasetVersion, settings: SplitSettings, last: SplitRecord | None
) -> SplitRecord:
    frame = load(workspace, version)
    _check_columns(version, frame, settings)
    keys = _keys(version, frame, settings.key)
    known = _read_record(workspace, last.digest) if last else _empty()
    gone = known.filter(~pl.col("key").is_in(keys))
    now = _traits(frame, settings)
    before = _traits_of_gone(workspace, version.name, gone, settings)
    rows = Rows(
        keys=[*keys, *gone["key"]],
        groups=[*now["group"], *before["group"]] if settings.group else None,
        texts=[*now["text"], *before["text"]] if settings.near_duplicates else None,
    )
    assigned = assign_parts(
        rows,
        dict(known.select("key", "part").iter_rows()),
        salt=settings.salt,
        train=settings.train,
        tune=settings.tune,
    )
    here = len(keys)
    seen = [version.version] * here + gone["seen"].to_list()
    table = pl.DataFrame(
        {"key": list(rows.keys), "part": assigned.parts, "group": assigned.clusters, "seen": seen},
        schema=_empty().schema,
    )
    counts = Counter(assigned.parts[:here])
    return record_split(
        workspace,
        dataset=version.name,
        version=version.version,
        record=workspace.store.put(parquet_bytes(table.sort("key"))),
        previous=last.digest if last else None,
        settings=settings,
        rows=here,
        parts={part: counts[part] for part in PARTS},
        clusters=len(set(assigned.clusters[:here])),
        followed=assigned.followed,
        bridged=assigned.bridged,
    )


def _settings(workspace: Workspace, given: Input) -> SplitSettings:
    split = workspace.project.split
    return SplitSettings(
        key=given.key,
        salt=split.salt,
        train=split.train,
        tune=split.tune,
        test=split.test,
        group=split.group,
        near_duplicates=list(split.near_duplicates),
    )


def _check_fixed(dataset: str, last: SplitRecord | None, settings: SplitSettings) -> None:
    if last is None:
        return
    for name in FIXED:
        drawn, asked = getattr(last.settings, name), getattr(settings, name)
        if drawn != asked:
            raise SplitFixed(dataset, name, drawn, asked)


def _check_columns(version: DatasetVersion, frame: pl.DataFrame, settings: SplitSettings) -> None:
    named = [
        (settings.key, "`key` in ropeway.toml [inputs.*], or give the data a column that names its rows")
    ]
    named += [(settings.group, "`group` in ropeway.toml [split]")] if settings.group else []
    named += [(column, "`near_duplicates` in ropeway.toml [split]") for column in settings.near_duplicates]
    for column, place in named:
        if column not in frame.columns:
            raise ColumnNotFound(version.name, column, frame.columns, place)


def _keys(version: DatasetVersion, frame: pl.DataFrame, column: str) -> list[str]:
    """The keys as text, each there and there once."""
    series = frame[column]
    if series.dtype.is_nested():
        raise BadKeys(version.name, column, f"it holds values of kind {version.columns[column]}")
    absent = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    missing = absent.arg_true()
    if len(missing):
        raise BadKeys(
            version.name, column, f"it is missing in row {missing[0] + 1:,} ({len(missing):,} in all)"
        )
    keys = _as_text(frame, column).to_list()
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        rows = [number for number, key in enumerate(keys, 1) if key == twice[0]]
        raise BadKeys(
            version.name,
            column,
            f"'{twice[0]}' is in rows {', '.join(f'{row:,}' for row in rows[:3])}"
            + (f"; {len(twice):,} keys come more than once" if len(twice) > 1 else ""),
        )
    return keys


def _as_text(frame: pl.DataFrame, column: str) -> pl.Series:
    """Keys as text: the same whether a file brought them as numbers or as words."""
    return key_text(frame[column]).alias("text")


def _traits(frame: pl.DataFrame, settings: SplitSettings) -> dict[str, list[str | None]]:
    """What rows are put together by."""
    texts = column_texts(frame, settings.near_duplicates)
    groups = key_text(frame[settings.group]).to_list() if settings.group else []
    return {"group": groups, "text": texts or []}


def _traits_of_gone(
    workspace: Workspace, dataset: str, gone: pl.DataFrame, settings: SplitSettings
) -> dict[str, list[str | None]]:
    """The same for known rows that the version at hand lacks, from the versions that last had them."""
    traits: dict[str, list[str | None]] = {"group": [None] * gone.height, "text": [None] * gone.height}
    if not settings.group and not settings.near_duplicates:
        return traits
    indices: dict[str, dict[str, int]] = defaultdict(dict)
    for index, (key, seen) in enumerate(gone.select("key", "seen").iter_rows()):
        indices[seen][key] = index
    for seen, index_of in indices.items():
        frame = load(workspace, resolve(workspace, f"{dataset}@{seen}"))
        found = _traits(frame, settings)
        for row, key in enumerate(_as_text(frame, settings.key)):
            if key in index_of:
                for name, values in traits.items():
                    if found[name]:
                        values[index_of[key]] = found[name][row]
    return traits


def _empty() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(("key", "part", "group", "seen"), pl.String))


def _read_record(workspace: Workspace, digest: Digest) -> pl.DataFrame:
    return pl.read_parquet(workspace.store.open_path(digest), memory_map=False)
