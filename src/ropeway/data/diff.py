"""What changed between two versions of a dataset: columns, rows, distributions.

Rows are walked piece by piece, and what stays of each is two numbers of 64 bits: the hash of its key and of
its values. So memory grows by 16 bytes a row of each version, some five times that while they are matched,
and not by what rows hold. A second walk fetches the examples, and counts by column: it takes as many columns
at a time as fit into `COLUMNS_BYTES`, and walks again for the others. Two different keys of one version have
one hash by a chance of about n²/2⁶⁵, 3 in 10 million for 3 million rows; that is told as a key that came
twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ropeway.data.batches import Pieces
from ropeway.data.contract_file import parse_contract
from ropeway.data.diff_records import ChangedRow, Diff, Moved, Retyped, Row, RowsDiff, SchemaDiff
from ropeway.data.errors import NotComparable
from ropeway.data.folder import COLUMNS
from ropeway.data.load import walked
from ropeway.data.records import DatasetVersion
from ropeway.data.referred import Place
from ropeway.stats.drift.marginal import drift_between
from ropeway.stats.drift.report import ColumnDrift
from ropeway.stats.profile import Profile, kinds_of

EXAMPLES = 5
SHOWN_CHARACTERS = 200
COLUMNS_BYTES = 256 << 20
_NUMERIC = {"integer", "number", "boolean"}


def diff(
    place: Place,
    before: DatasetVersion,
    after: DatasetVersion,
    *,
    key: Sequence[str] = (),
    whole_rows: bool = False,
    columns_bytes: int = COLUMNS_BYTES,
) -> Diff:
    """Hold two versions of a dataset against each other.

    Args:
        place: the workspace, or an operation's context.
        before: the earlier one.
        after: the later one.
        key: the columns that tell rows apart; those of the contracts when empty.
        whole_rows: count whole rows, even where there is a key.
        columns_bytes: how much memory the second walk may take for hashes of values.

    Raises:
        NotComparable: they are of different datasets, or have different keys, or a key comes twice.
        SourceChanged, SourceMissing, NotFetched: one that is referred to cannot be had as it was.
    """
    if before.name != after.name:
        reason = f"they are of two datasets, '{before.name}' and '{after.name}'"
        raise NotComparable(before.shown, after.shown, reason, f"ropeway data diff {after.name}")
    by = [] if whole_rows else list(key) or _key(place, before, after)
    for version in (before, after):
        if lacking := [name for name in by if name not in version.columns]:
            reason = f"{version.shown} has no column '{lacking[0]}', which is the key"
            raise NotComparable(before.shown, after.shown, reason, _by_whole_rows(before, after))
    view = _View(by, _common(before, after))
    with walked(place, before) as old, walked(place, after) as new:
        seen = _seen(old, view), _seen(new, view)
        rows = (
            _keyed(seen, (old, new), view, (before, after), columns_bytes)
            if by
            else _whole(seen, (old, new), view)
        )
        distributions = _distributions(old, new, before, after, by)
    return Diff(
        before=before, after=after, columns=_schema(before, after), rows=rows, distributions=distributions
    )


@dataclass(frozen=True, slots=True)
class _View:
    """What of a row is compared: its key, and the columns that both have, in types that both share."""

    key: list[str]
    types: dict[str, pl.DataType | None]

    @property
    def values(self) -> list[str]:
        """The columns beside the key; all of them where there is none."""
        return [name for name in self.types if name not in self.key]

    def frame(self, piece: pl.DataFrame) -> pl.DataFrame:
        """A piece's rows as they are compared."""
        return piece.select(
            pl.col(name) if dtype is None else pl.col(name).cast(dtype, strict=False)
            for name, dtype in self.types.items()
        )

    def hashes(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The hash of each row's key, `k`, and of its values, `v`."""
        values = _hash(frame, self.values)
        return pl.DataFrame({"k": _hash(frame, self.key) if self.key else values, "v": values})


def _hash(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    if not columns:
        return pl.repeat(0, frame.height, dtype=pl.UInt64(), eager=True)
    return frame.select(columns).hash_rows(seed=7)


def _key(place: Place, before: DatasetVersion, after: DatasetVersion) -> list[str]:
    """The key by both contracts, which must be the same."""
    keys = [
        parse_contract(place.store.read(each.contract).decode(errors="replace"), each.name).unique
        for each in (before, after)
    ]
    if keys[0] != keys[1]:
        said = " and ".join(f"'{'+'.join(each) or 'none'}'" for each in keys)
        raise NotComparable(
            before.shown,
            after.shown,
            f"their contracts name two keys, {said}",
            f"ropeway data diff {before.shown} {after.shown} --key {(keys[1] or keys[0])[0]}",
        )
    return keys[1]


def _by_whole_rows(before: DatasetVersion, after: DatasetVersion) -> str:
    return f"ropeway data diff {before.shown} {after.shown} --whole-rows"


def _schema(before: DatasetVersion, after: DatasetVersion) -> SchemaDiff:
    old, new = before.columns, after.columns
    both = [name for name in old if name in new]
    return SchemaDiff(
        added={name: kind for name, kind in new.items() if name not in old},
        removed={name: kind for name, kind in old.items() if name not in new},
        retyped=[
            Retyped(column=name, before=old[name], after=new[name]) for name in both if old[name] != new[name]
        ],
        reordered=both != [name for name in new if name in old],
    )


def _common(before: DatasetVersion, after: DatasetVersion) -> dict[str, pl.DataType | None]:
    """The columns that both have and that can be compared, in one order, each with the type to compare in."""
    found: dict[str, pl.DataType | None] = {}
    for name in sorted(before.columns.keys() & after.columns.keys()):
        kinds = {before.columns[name], after.columns[name]}
        is_plain = not any(kind.startswith(("list[", "struct")) for kind in kinds)
        if len(kinds) == 1:
            found[name] = _STORED.get(kinds.pop())
        elif kinds <= _NUMERIC:
            found[name] = pl.Float64()
        elif is_plain:
            found[name] = pl.String()
    return found


_STORED: Mapping[str, pl.DataType] = {
    "integer": pl.Int128(),
    "number": pl.Float64(),
    "text": pl.String(),
}
"""One way to store a kind: two files may hold the same numbers in different widths."""


def _seen(pieces: Pieces, view: _View) -> pl.DataFrame:
    """The hashes of all rows, in their order."""
    hashed = [view.hashes(view.frame(piece)) for piece in pieces()]
    return pl.concat(hashed, rechunk=True)


def _keyed(
    seen: tuple[pl.DataFrame, pl.DataFrame],
    pieces: tuple[Pieces, Pieces],
    view: _View,
    versions: tuple[DatasetVersion, DatasetVersion],
    columns_bytes: int,
) -> RowsDiff:
    """Rows matched by their key."""
    old, new = seen
    for frame, version in zip(seen, versions, strict=True):
        twice = frame.height - frame["k"].n_unique()
        if twice:
            reason = f"the key '{'+'.join(view.key)}' comes twice in {version.shown} ({twice:,} rows)"
            raise NotComparable(
                versions[0].shown, versions[1].shown, reason, _by_whole_rows(versions[0], versions[1])
            )
    added = new.join(old, on="k", how="anti", maintain_order="left")["k"]
    removed = old.join(new, on="k", how="anti", maintain_order="left")["k"]
    both = new.join(old, on="k", how="inner", maintain_order="left")
    changed = both.filter(pl.col("v") != pl.col("v_right"))["k"]
    wanted = changed.head(EXAMPLES)
    examples = [
        _rows(each, view, hashes, "k")
        for each, hashes in zip(
            pieces,
            (pl.concat([wanted, removed.head(EXAMPLES)]), pl.concat([wanted, added.head(EXAMPLES)])),
            strict=True,
        )
    ]
    return RowsDiff(
        key=view.key,
        same=both.height - len(changed),
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        columns=_changed_columns(pieces, view, changed, columns_bytes),
        added_rows=[examples[1][each] for each in added.head(EXAMPLES) if each in examples[1]],
        removed_rows=[examples[0][each] for each in removed.head(EXAMPLES) if each in examples[0]],
        changed_rows=[
            _changed_row(examples[0][each], examples[1][each], view)
            for each in wanted
            if each in examples[0] and each in examples[1]
        ],
    )


def _whole(seen: tuple[pl.DataFrame, pl.DataFrame], pieces: tuple[Pieces, Pieces], view: _View) -> RowsDiff:
    """Rows counted as they are: how many more, or fewer, of each there are now."""
    old, new = (frame.group_by("v", maintain_order=True).len("n") for frame in seen)
    joined = new.join(old, on="v", how="full", coalesce=True, maintain_order="left_right").fill_null(0)
    more = pl.col("n").cast(pl.Int64) - pl.col("n_right").cast(pl.Int64)
    counted = joined.select("v", more=more, both=pl.min_horizontal("n", "n_right"))
    added, removed = counted.filter(pl.col("more") > 0), counted.filter(pl.col("more") < 0)
    of_old = _rows(pieces[0], view, removed["v"].head(EXAMPLES), "v")
    of_new = _rows(pieces[1], view, added["v"].head(EXAMPLES), "v")
    return RowsDiff(
        key=[],
        same=int(counted["both"].sum()),
        added=int(added["more"].sum()),
        removed=-int(removed["more"].sum()),
        changed=0,
        added_rows=list(of_new.values()),
        removed_rows=list(of_old.values()),
    )


def _rows(pieces: Pieces, view: _View, hashes: pl.Series, by: str) -> dict[int, Row]:
    """The rows with these hashes, each once; stops as soon as all are found."""
    wanted, found = hashes.unique(), dict[int, Row]()
    for piece in pieces() if len(wanted) else ():
        mine = view.hashes(view.frame(piece))[by]
        hit = mine.is_in(wanted.implode())
        for row, each in zip(
            piece.filter(hit).iter_rows(named=True), mine.filter(hit).to_list(), strict=True
        ):
            found.setdefault(each, {name: _shown(value) for name, value in row.items()})
        if len(found) == len(wanted):
            break
    return found


def _changed_row(before: Row, after: Row, view: _View) -> ChangedRow:
    names = [name for name in view.values if before[name] != after[name]]
    return ChangedRow(
        key={name: after[name] for name in view.key},
        before={name: before[name] for name in names},
        after={name: after[name] for name in names},
    )


def _shown(value: object) -> object:
    """A value that can stand in an answer: plain, and not long."""
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return value[: SHOWN_CHARACTERS - 1] + "…"
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _changed_columns(
    pieces: tuple[Pieces, Pieces], view: _View, changed: pl.Series, columns_bytes: int
) -> dict[str, int]:
    """For each column, in how many of the changed rows it changed; the most first."""
    counts: dict[str, int] = {}
    step = max(1, columns_bytes // (16 * max(len(changed), 1)))
    keys = changed.implode()
    for start in range(0, len(view.values) if len(changed) else 0, step):
        names = view.values[start : start + step]
        old, new = (pl.concat(_value_hashes(each, view, names, keys)) for each in pieces)
        both = new.join(old, on="k", how="inner")
        for name in names:
            counts[name] = int((both[f"v {name}"] != both[f"v {name}_right"]).sum())
    return {name: count for name, count in sorted(counts.items(), key=lambda each: -each[1]) if count}


def _value_hashes(
    pieces: Pieces, view: _View, names: Sequence[str], keys: pl.Series
) -> Iterator[pl.DataFrame]:
    for piece in pieces():
        frame = view.frame(piece)
        mine = _hash(frame, view.key)
        hit = mine.is_in(keys)
        some = frame.filter(hit)
        yield pl.DataFrame(
            {"k": mine.filter(hit), **{f"v {name}": _hash(some, [name]) for name in names}},
        )


def _distributions(
    old: Pieces, new: Pieces, before: DatasetVersion, after: DatasetVersion, key: Sequence[str]
) -> list[Moved]:
    """The columns of both whose distribution can be told, those that moved first."""
    names = [
        name
        for name, kind in before.columns.items()
        if after.columns.get(name) == kind and name not in key and not is_files(before)
    ]
    if not names:
        return []
    first = next(iter(old()), None)
    if first is None:
        return []
    kinds = kinds_of(first.select(names))
    profiles = []
    for pieces in (old, new):
        seen = Profile.empty(kinds)
        for piece in pieces():
            seen.update(piece.select(list(kinds)))
        profiles.append(seen)
    return [_moved(each) for each in drift_between(profiles[0], profiles[1]).columns]


def is_files(version: DatasetVersion) -> bool:
    """Whether the version's rows are files: names and digests, of which no distribution says anything."""
    return tuple(version.columns) == COLUMNS


def _moved(column: ColumnDrift) -> Moved:
    edges = column.reference.edges
    return Moved(
        column=column.name,
        kind=column.kind,
        effect=column.effect,
        psi=column.psi,
        drifted=column.drifted,
        says=column.says,
        labels=column.reference.labels,
        low=edges[0] if edges else None,
        high=edges[-1] if edges else None,
        before=column.reference.shares,
        after=column.current.shares,
    )
