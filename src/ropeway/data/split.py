"""Which part a row belongs to: train, tune or test, as a function of its key, for ever.

A row's place is `hash(salt, key)` in [0, 1), or of its group where rows belong together; the parts are ranges
of it. Rows that say nearly the same, or share a group, form one cluster and go together. A key that was given
a part keeps it whatever comes later, and a new row that resembles a known one follows it: so no later
arrival can move a test row into training, or bring its twin there.

Pure: what is known comes in as a frame, what is assigned goes out as one. Recording is `assign`'s business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import blake3
import polars as pl

from ropeway.data.near import Groups, near_groups

PARTS = ("train", "tune", "test")

# When a new row resembles known rows of several parts, it goes where it does least harm: a copy of a test row
# must not train, and a copy of a tune row must not either.
FOLLOW_ORDER = ("test", "tune", "train")

HASH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Rows:
    """What the split needs of some rows: keys, and where wanted, group values and texts."""

    keys: Sequence[object]
    groups: Sequence[object] | None = None
    texts: Sequence[str | None] | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The part of each row and the cluster that it belongs to, in the rows' order."""

    parts: list[str]
    clusters: list[str]
    """Named by the smallest key in them, as text."""
    followed: int
    """New rows that followed a known one."""
    bridged: int
    """New rows that resemble known rows of different parts."""


def place(salt: str, value: object) -> float:
    """The place of a key or group in [0, 1).

    Example:
        >>> round(place("1", "42"), 4)
        0.9627
    """
    digest = blake3.blake3(f"{salt}\x1f{value}".encode()).digest(HASH_BYTES)
    # 53 bits are what a float holds: with all 64 the highest ones would round up to 1.
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def part_at(place: float, *, train: float, tune: float) -> str:
    """The part whose range holds a place."""
    if place < train:
        return "train"
    # Rounded, so that 0.6 + 0.2 ends where a person thinks it does.
    return "tune" if place < round(train + tune, 12) else "test"


def assign_parts(rows: Rows, known: dict[object, str], *, salt: str, train: float, tune: float) -> Assigned:
    """Give each row its part.

    Args:
        rows: all rows: those of the version at hand, and the known ones that it no longer has.
        known: the part of each key that has one; kept.
        salt: the project's own, so that parts cannot be guessed from keys.
        train: the share of train.
        tune: the share of tune.
    """
    clusters = _clusters(rows)
    members: dict[int, list[int]] = {}
    for index, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(index)
    parts = [""] * len(rows.keys)
    names = [""] * len(rows.keys)
    followed = bridged = 0
    for indices in members.values():
        name = min(str(rows.keys[index]) for index in indices)
        held = {known[rows.keys[index]] for index in indices if rows.keys[index] in known}
        fresh = held_part(held) or part_at(place(salt, _identity(rows, indices)), train=train, tune=tune)
        new = sum(rows.keys[index] not in known for index in indices)
        followed += new if held else 0
        bridged += new if len(held) > 1 else 0
        for index in indices:
            parts[index] = known.get(rows.keys[index], fresh)
            names[index] = name
    return Assigned(parts, names, followed, bridged)


def held_part(held: Iterable[str]) -> str | None:
    """The part that a new row follows, of those that its known relatives have."""
    held = set(held)
    return next((part for part in FOLLOW_ORDER if part in held), None)


def column_texts(frame: pl.DataFrame, columns: Sequence[str]) -> list[str | None] | None:
    """What near-duplicates are judged by: the named columns' texts, joined; None when none is named."""
    if not columns:
        return None
    joined = pl.concat_str(
        [pl.col(name).cast(pl.String) for name in columns], separator="\n", ignore_nulls=True
    )
    texts: list[str | None] = frame.select(joined).to_series().to_list()
    return texts


def _clusters(rows: Rows) -> list[int]:
    """The cluster of each row: near-duplicates and group members, connected."""
    groups = Groups(len(rows.keys))
    if rows.texts is not None:
        for index, first in enumerate(near_groups(rows.texts)):
            groups.join(first, index)
    if rows.groups is not None:
        first_of: dict[object, int] = {}
        for index, value in enumerate(rows.groups):
            # A missing group is no group: such rows stand alone.
            if value is not None:
                groups.join(first_of.setdefault(value, index), index)
    return groups.firsts()


def _identity(rows: Rows, indices: Sequence[int]) -> str:
    """What a cluster's place is drawn by; it does not depend on the order of rows."""
    values = [rows.groups[index] for index in indices] if rows.groups is not None else []
    named = [str(value) for value in values if value is not None]
    return min(named) if named else min(str(rows.keys[index]) for index in indices)
