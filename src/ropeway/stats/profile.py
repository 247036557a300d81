"""The profile of some rows: one summary a column, in memory that does not grow with the rows.

One code path for all that is profiled: the rows that a model learnt from, a batch, a window of production.
Profiles merge, over time and over replicas. What they are built from is in `stats.sketches`, with the errors
that each part has; comparing two of them is `stats.drift`'s business.

As bytes a profile is self-describing: a mark with the format's number, a digest of what follows, and one
MessagePack map with the sketches in Apache DataSketches' own formats.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

import blake3
import msgspec

from ropeway.stats.sketches.category import OTHER, CategorySketch
from ropeway.stats.sketches.column import ColumnSketch, Kind
from ropeway.stats.sketches.errors import ProfileUnreadable, SketchesDiffer
from ropeway.stats.sketches.number import NumberSketch
from ropeway.stats.sketches.state import CategoryState, NumberState, State, TextState
from ropeway.stats.sketches.text import TextSketch
from ropeway.stats.sketches.vocabulary import Vocabulary, tokens

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "OTHER",
    "CategorySketch",
    "ColumnSketch",
    "Kind",
    "NumberSketch",
    "Profile",
    "ProfileUnreadable",
    "SketchesDiffer",
    "TextSketch",
    "Vocabulary",
    "kinds_of",
    "profile",
    "tokens",
]

MARK = b"ropeway-profile/"
FORMAT = b"1\n"
DIGEST_BYTES = 16

LONG_TEXT = 64
"""Characters from which a value is a text and no name, whether it holds a space or not."""
_TEXT_LIKE = r"\S\s+\S|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]{4}"


class ProfileState(msgspec.Struct, frozen=True, kw_only=True):
    """A `Profile` as plain data."""

    rows: int
    columns: dict[str, State]
    vocabularies: dict[str, bytes]


class Profile:
    """Summaries of the columns of some rows.

    Attributes:
        rows: how many rows it has seen.
        columns: a summary each, by name.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"age": [31, 52], "town": ["Oslo", "Oslo"]})
        >>> seen = profile(frame, {"age": "number", "town": "category"})
        >>> both = seen.merge(seen)
        >>> both.rows, both.columns["age"].mean, both.columns["town"].counts()
        (4, 41.5, {'Oslo': 4})
    """

    __slots__ = ("columns", "rows")

    def __init__(self, rows: int, columns: dict[str, ColumnSketch]) -> None:
        self.rows = rows
        self.columns = columns

    @classmethod
    def empty(cls, kinds: Mapping[str, Kind], vocabularies: Mapping[str, Vocabulary] | None = None) -> Self:
        """A profile of no rows.

        Args:
            kinds: the columns that are to be summarised, and what they hold; others are passed over.
            vocabularies: by column of texts, the tokens that count as known.
        """
        known = vocabularies or {}
        return cls(0, {name: _empty_sketch(kind, known.get(name)) for name, kind in kinds.items()})

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column holds: the kinds to profile other rows with, to be compared with these."""
        return {name: sketch.kind for name, sketch in self.columns.items()}

    @property
    def vocabularies(self) -> dict[str, Vocabulary]:
        """The tokens that count as known, by column: to profile other rows with."""
        return {
            name: sketch.vocabulary
            for name, sketch in self.columns.items()
            if isinstance(sketch, TextSketch) and sketch.vocabulary is not None
        }

    @property
    def numbers(self) -> dict[str, NumberSketch]:
        """The columns of numbers and times."""
        return {name: each for name, each in self.columns.items() if isinstance(each, NumberSketch)}

    @property
    def categories(self) -> dict[str, CategorySketch]:
        """The columns of categories, true and false among them."""
        return {name: each for name, each in self.columns.items() if isinstance(each, CategorySketch)}

    @property
    def texts(self) -> dict[str, TextSketch]:
        """The columns of texts."""
        return {name: each for name, each in self.columns.items() if isinstance(each, TextSketch)}

    def like(self) -> Self:
        """A profile of no rows with the same kinds and vocabularies: what to fill with rows to compare."""
        return type(self).empty(self.kinds, self.vocabularies)

    def update(self, frame: "pl.DataFrame") -> None:
        """Take in more rows. A column that is missing, or of another type, is counted as that, never refused.

        Raises:
            VocabularyMissing: the profile was read without the vocabularies that it counts against.
        """
        for name, sketch in self.columns.items():
            if name in frame.columns:
                sketch.update(frame[name])
            else:
                sketch.miss(frame.height)
        self.rows += frame.height

    def merge(self, other: Self) -> Self:
        """The profile of both; neither is changed. A column that only one has was absent in the other.

        Raises:
            SketchesDiffer: a column is of two kinds, or counts against two vocabularies.
        """
        columns = {
            name: _merge(name, sketch, other.columns.get(name), other.rows)
            for name, sketch in self.columns.items()
        }
        for name, sketch in other.columns.items():
            if name not in columns:
                columns[name] = _merge(name, sketch, None, self.rows)
        return type(self)(self.rows + other.rows, columns)

    def to_bytes(self, *, with_vocabularies: bool = True) -> bytes:
        """The profile as bytes.

        Args:
            with_vocabularies: False leaves them out, and only their names in: they are large, and a window
                counts against those of its reference, which has them.
        """
        known = self.vocabularies if with_vocabularies else {}
        state = ProfileState(
            rows=self.rows,
            columns={name: sketch.to_state() for name, sketch in self.columns.items()},
            vocabularies={name: vocabulary.to_bytes() for name, vocabulary in known.items()},
        )
        body = msgspec.msgpack.encode(state)
        return MARK + FORMAT + blake3.blake3(body).digest(DIGEST_BYTES) + body

    @classmethod
    def from_bytes(cls, data: bytes, *, vocabularies: Mapping[str, Vocabulary] | None = None) -> Self:
        """What `to_bytes` wrote.

        Args:
            data: the bytes.
            vocabularies: those that were left out; needed to take in more texts, not to merge or compare.

        Raises:
            ProfileUnreadable: they are something else, damaged, or of a later format.
        """
        state = _decode(data)
        known = {name: Vocabulary.from_bytes(each) for name, each in state.vocabularies.items()}
        known = {**(vocabularies or {}), **known}
        return cls(
            state.rows, {name: _sketch_of(each, known.get(name)) for name, each in state.columns.items()}
        )


def profile(
    frame: "pl.DataFrame",
    kinds: Mapping[str, Kind] | None = None,
    vocabularies: Mapping[str, Vocabulary] | None = None,
) -> Profile:
    """The profile of some rows.

    Args:
        frame: the rows.
        kinds: what the columns hold; `kinds_of` the rows when absent.
        vocabularies: by column of texts, the tokens that count as known.
    """
    made = Profile.empty(kinds_of(frame) if kinds is None else kinds, vocabularies)
    made.update(frame)
    return made


def kinds_of(frame: "pl.DataFrame") -> dict[str, Kind]:
    """What the columns hold, by their type; of strings, by their values too.

    A column of strings holds texts when at least half of its values differ and most hold white space, a
    script without it, or more than 64 characters; else categories. Columns of lists, structs and bytes have
    no kind and are left out.

    Example:
        >>> import polars as pl
        >>> kinds_of(pl.DataFrame({"n": [1.5], "said": ["what a day"], "id": ["a-1"], "ok": [True]}))
        {'n': 'number', 'said': 'text', 'id': 'category', 'ok': 'boolean'}
    """
    found = {name: _kind_of(frame[name]) for name in frame.columns}
    return {name: kind for name, kind in found.items() if kind is not None}


def _kind_of(series: "pl.Series") -> Kind | None:
    import polars as pl

    dtype = series.dtype
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "time"
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if isinstance(dtype, pl.String):
        return "text" if _holds_texts(series.drop_nulls()) else "category"
    return "category" if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null) else None


def _holds_texts(present: "pl.Series") -> bool:
    if not len(present) or present.n_unique() * 2 < len(present):
        return False
    is_text = present.str.contains(_TEXT_LIKE) | (present.str.len_chars() > LONG_TEXT)
    return int(is_text.sum()) * 2 > len(present)


def _empty_sketch(kind: Kind, vocabulary: Vocabulary | None) -> ColumnSketch:
    if kind in {"number", "time"}:
        return NumberSketch(kind)
    return TextSketch(vocabulary) if kind == "text" else CategorySketch(kind)


def _sketch_of(state: State, vocabulary: Vocabulary | None) -> ColumnSketch:
    match state:
        case NumberState():
            return NumberSketch.from_state(state)
        case CategoryState():
            return CategorySketch.from_state(state)
        case TextState():
            return TextSketch.from_state(state, vocabulary)


def _merge(name: str, this: ColumnSketch, other: ColumnSketch | None, other_rows: int) -> ColumnSketch:
    if other is None:
        other = _empty_sketch(this.kind, None)
        other.miss(other_rows)
    if this.kind != other.kind:
        raise SketchesDiffer(name, this.says, other.says)
    try:
        return this.merge(other)
    except SketchesDiffer:
        raise SketchesDiffer(name, this.says, other.says) from None


def _decode(data: bytes) -> ProfileState:
    head = MARK + FORMAT
    if not data.startswith(MARK):
        raise ProfileUnreadable("they do not begin as one")
    if not data.startswith(head):
        written = data[len(MARK) : len(MARK) + 8].partition(b"\n")[0].decode("ascii", "replace")
        raise ProfileUnreadable(f"their format is '{written}', and this Ropeway reads '1'")
    digest, body = data[len(head) : len(head) + DIGEST_BYTES], data[len(head) + DIGEST_BYTES :]
    # The sketches are read by a library that trusts its bytes: nothing damaged may reach it.
    if blake3.blake3(body).digest(DIGEST_BYTES) != digest:
        raise ProfileUnreadable("they are damaged or cut off")
    try:
        return msgspec.msgpack.decode(body, type=ProfileState)
    except msgspec.DecodeError as error:
        raise ProfileUnreadable(str(error)) from error
