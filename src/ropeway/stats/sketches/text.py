"""The summary of a column of texts: how long they are, which words they hold, how many of those are new."""

from typing import TYPE_CHECKING, Self

from ropeway.stats.sketches.column import ColumnSketch
from ropeway.stats.sketches.distinct import Distinct
from ropeway.stats.sketches.errors import SketchesDiffer, VocabularyMissing
from ropeway.stats.sketches.frequent import Frequent
from ropeway.stats.sketches.number import NumberSketch
from ropeway.stats.sketches.state import TextState
from ropeway.stats.sketches.vocabulary import Vocabulary, tokens_of

if TYPE_CHECKING:
    import polars as pl

LG_WORDS = 13
"""6,144 words are counted; of more, the frequent ones, low by at most 0.04 % of the sum of all counts."""

ROWS_AT_ONCE = 50_000
"""Texts that are cut into tokens at a time: memory must not grow with the rows of a batch."""


class TextSketch(ColumnSketch):
    """Length in characters, number of tokens, tokens by how many texts hold them, share of unknown tokens.

    Args:
        vocabulary: the tokens that training knew; without it no token is counted as unknown.

    Attributes:
        length: of each text, in characters.
        tokens: of each text, how many.
        checked: occurrences of tokens that were held against a vocabulary.
        unknown: those of them that it does not hold.

    Example:
        >>> import polars as pl
        >>> sketch = TextSketch(Vocabulary.of(pl.Series(["a good day"])))
        >>> sketch.update(pl.Series(["a good book", "a day"]))
        >>> sketch.oov_rate, sketch.top_words(2)
        (0.2, [('a', 2), ('book', 1)])
    """

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        super().__init__("text")
        self.vocabulary = vocabulary
        self.vocabulary_id = "" if vocabulary is None else vocabulary.identity
        self.length = NumberSketch()
        self.tokens = NumberSketch()
        self.checked = 0
        self.unknown = 0
        self._words = Frequent(LG_WORDS)
        self._distinct = Distinct()

    @property
    def count(self) -> int:
        """Rows that had a text, be it empty."""
        return self.length.count

    @property
    def distinct(self) -> int:
        """How many different tokens there were, within 1.6 % (one standard error)."""
        return self._distinct.estimate

    @property
    def oov_rate(self) -> float | None:
        """The share of token occurrences that the vocabulary does not hold; None where none was checked."""
        return self.unknown / self.checked if self.checked else None

    def words(self) -> dict[str, int]:
        """In how many texts each token occurs, most frequent first; low by 0.04 % of `word_total` at most."""
        return self._words.counts()

    def top_words(self, n: int) -> list[tuple[str, int]]:
        """The n tokens that the most texts hold."""
        return list(self.words().items())[:n]

    @property
    def word_total(self) -> int:
        """The sum of `words` over all tokens, counted by themselves or not."""
        return self._words.total

    def accepts(self, dtype: "pl.DataType") -> bool:
        """Texts, however they are stored."""
        import polars as pl

        return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)

    @property
    def says(self) -> str:
        """What it summarises, in words."""
        return (
            f"kind 'text' against vocabulary '{self.vocabulary_id}'" if self.vocabulary_id else "kind 'text'"
        )

    def _take(self, values: "pl.Series") -> None:
        import polars as pl

        if self.vocabulary is None and self.vocabulary_id:
            raise VocabularyMissing(self.vocabulary_id)
        texts = values.cast(pl.String)
        for start in range(0, len(texts), ROWS_AT_ONCE):
            self._take_some(texts[start : start + ROWS_AT_ONCE])

    def _take_some(self, texts: "pl.Series") -> None:
        import polars as pl

        found = tokens_of(texts)
        self.length.update(texts.str.len_chars())
        self.tokens.update(found.list.len())
        counted = (
            pl.DataFrame({"text": pl.Series(range(len(found)), dtype=pl.UInt32), "token": found})
            .explode("token")
            .drop_nulls()
            .group_by("token", maintain_order=True)
            .agg(texts=pl.col("text").n_unique(), occurrences=pl.len())
        )
        self._words.update(counted.select("token", "texts").iter_rows())
        self._distinct.update(counted["token"].to_list())
        if self.vocabulary is not None:
            is_known = self.vocabulary.knows(counted["token"])
            occurrences = counted["occurrences"].to_numpy()
            self.checked += int(occurrences.sum())
            self.unknown += int(occurrences[~is_known].sum())

    def _new(self) -> Self:
        return type(self)()

    def _merge_into(self, merged: Self, other: Self) -> None:
        named = {each for each in (self.vocabulary_id, other.vocabulary_id) if each}
        if len(named) > 1:
            raise SketchesDiffer("", self.says, other.says)
        # One that was held against nothing adds nothing to the rate, and does not stand in its way.
        merged.vocabulary_id = next(iter(named), "")
        merged.vocabulary = self.vocabulary if self.vocabulary is not None else other.vocabulary
        merged.length = self.length.merge(other.length)
        merged.tokens = self.tokens.merge(other.tokens)
        merged.checked = self.checked + other.checked
        merged.unknown = self.unknown + other.unknown
        merged._words = self._words.merge(other._words)
        merged._distinct = self._distinct.merge(other._distinct)

    def to_state(self) -> TextState:
        """All that it holds, as plain data; of the vocabulary, its name."""
        return TextState(
            nulls=self.nulls,
            mistyped=self.mistyped,
            absent=self.absent,
            length=self.length.to_state(),
            tokens=self.tokens.to_state(),
            checked=self.checked,
            unknown=self.unknown,
            vocabulary=self.vocabulary_id,
            words=self._words.to_bytes(),
            distinct=self._distinct.to_bytes(),
        )

    @classmethod
    def from_state(cls, state: TextState, vocabulary: Vocabulary | None) -> Self:
        """What `to_state` gave, with the vocabulary where it is at hand."""
        fits = vocabulary is not None and vocabulary.identity == state.vocabulary
        sketch = cls(vocabulary if fits else None)
        sketch.vocabulary_id = state.vocabulary
        sketch.nulls, sketch.mistyped, sketch.absent = state.nulls, state.mistyped, state.absent
        sketch.length = NumberSketch.from_state(state.length)
        sketch.tokens = NumberSketch.from_state(state.tokens)
        sketch.checked, sketch.unknown = state.checked, state.unknown
        sketch._words = Frequent.from_bytes(LG_WORDS, state.words)
        sketch._distinct = Distinct.from_bytes(state.distinct)
        return sketch
