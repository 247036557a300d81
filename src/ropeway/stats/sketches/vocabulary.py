"""Tokens of texts, and the set of those that a model's training texts held.

A token is a lower-cased word of any script, by Unicode's notion of letters and digits; an apostrophe within a
word belongs to it. That is enough to see what texts are about and what is new in them; it need not be how the
model itself reads.
"""

import zlib
from typing import TYPE_CHECKING, Self

import blake3
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

LONGEST_TOKEN = 64
"""Characters of a token that are kept: a megabyte without a space must not become one word of a sketch."""

_WORD = r"[\p{L}\p{M}\p{N}_]+(?:['\x{2019}][\p{L}\p{M}\p{N}]+)*"
HASH_TYPE = np.dtype("<u4")


def tokens(text: str) -> list[str]:
    """The tokens of one text, in order.

    Example:
        >>> tokens("Don't PANIC, señor: 42!")
        ["don't", 'panic', 'señor', '42']
    """
    import polars as pl

    found: list[str] = tokens_of(pl.Series([text]))[0].to_list()
    return found


def tokens_of(texts: "pl.Series") -> "pl.Series":
    """The tokens of each text: a list for each, in order."""
    import polars as pl

    words = texts.str.normalize("NFC").str.to_lowercase().str.extract_all(_WORD)
    longest = words.explode().str.len_chars().max()
    if not isinstance(longest, int) or longest <= LONGEST_TOKEN:
        return words
    cut = [[word[:LONGEST_TOKEN] for word in found] for found in words.to_list()]
    return pl.Series(words.name, cut, dtype=pl.List(pl.String))


class Vocabulary:
    """A set of tokens as 32-bit hashes: 4 bytes each.

    With n tokens in it, a new one is taken for known with probability n / 2**32: one in 86,000 for 50,000.

    Example:
        >>> import polars as pl
        >>> known = Vocabulary.of(pl.Series(["a good day", "a bad day"]))
        >>> len(known), "good" in known, "review" in known
        (4, True, False)
    """

    __slots__ = ("_hashes", "identity")

    def __init__(self, hashes: NDArray[np.uint32]) -> None:
        self._hashes = np.unique(hashes.astype(HASH_TYPE))
        self.identity = blake3.blake3(self._hashes.tobytes()).hexdigest(8)
        """Names it: two vocabularies of the same tokens have the same."""

    @classmethod
    def of(cls, texts: "pl.Series") -> Self:
        """The tokens of some texts."""
        import polars as pl

        words = tokens_of(texts.cast(pl.String).drop_nulls()).explode()
        return cls(_hashes(words.drop_nulls().unique()))

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, token: str) -> bool:
        import polars as pl

        return bool(self.knows(pl.Series([token]))[0])

    def knows(self, words: "pl.Series") -> NDArray[np.bool_]:
        """Which tokens are in it."""
        return np.isin(_hashes(words), self._hashes)

    def to_bytes(self) -> bytes:
        """The sorted hashes, little-endian."""
        return self._hashes.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` wrote."""
        return cls(np.frombuffer(data, dtype=HASH_TYPE))


def _hashes(words: "pl.Series") -> NDArray[np.uint32]:
    # CRC-32 is the same on every machine and in every version, which Python's and polars' own hashes are not.
    return np.fromiter((zlib.crc32(word.encode()) for word in words), dtype=np.uint32, count=len(words))
