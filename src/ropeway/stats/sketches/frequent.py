"""The values that come most often with their counts, in fixed memory: a frequent-items sketch.

    Anderson, D., Bevin, P., Lang, K., Liberty, E., Rhodes, L., Thaler, J. (2017). A High-Performance
    Algorithm for Identifying Frequent Items in Data Streams. IMC 2017.

Exact while there are fewer different values than it holds. Deterministic in what it counts: the same values
in the same order give the same counts.
"""

from collections.abc import Iterable
from typing import Self

import blake3
import datasketches  # type: ignore[import-untyped]  # it ships no types

LONGEST = 120
"""Characters of a value that are kept: a value's length must not decide how much memory a sketch takes."""

_ALL = datasketches.frequent_items_error_type.NO_FALSE_NEGATIVES


class Frequent:
    """Counts of the most frequent texts.

    Args:
        lg_size: it holds 0.75 * 2**lg_size values, and no count is low by more than 3.5 / 2**lg_size of all.

    Example:
        >>> sketch = Frequent(10)
        >>> sketch.update([("a", 3), ("b", 1)])
        >>> sketch.counts()
        {'a': 3, 'b': 1}
    """

    def __init__(self, lg_size: int, sketch: datasketches.frequent_strings_sketch | None = None) -> None:
        self.lg_size = lg_size
        self._items = sketch if sketch is not None else datasketches.frequent_strings_sketch(lg_size)

    def update(self, counts: Iterable[tuple[str, int]]) -> None:
        """Take in values with how often each came."""
        for value, count in counts:
            self._items.update(clip(value), count)

    def merge(self, other: Self) -> Self:
        """The sketch of both."""
        merged = datasketches.frequent_strings_sketch(self.lg_size)
        merged.merge(self._items)
        merged.merge(other._items)
        return type(self)(self.lg_size, merged)

    @property
    def total(self) -> int:
        """The sum of all counts, whether their values are held or not."""
        return int(self._items.total_weight)

    def counts(self) -> dict[str, int]:
        """The values that are held, most frequent first; their counts are sure, and may be low."""
        found = [(item[0], item[2]) for item in self._items.get_frequent_items(_ALL) if item[2] > 0]
        return dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))

    def count(self, value: str) -> int:
        """How often a value came at least."""
        return int(self._items.get_lower_bound(clip(value)))

    def to_bytes(self) -> bytes:
        """As Apache DataSketches writes it."""
        return bytes(self._items.serialize())

    @classmethod
    def from_bytes(cls, lg_size: int, data: bytes) -> Self:
        """What `to_bytes` wrote."""
        return cls(lg_size, datasketches.frequent_strings_sketch.deserialize(data))


def clip(value: str) -> str:
    """A value as it is counted: a long one is cut, and told from its like by a digest.

    Example:
        >>> clip("short"), len(clip("x" * 10_000))
        ('short', 120)
    """
    if len(value) <= LONGEST:
        return value
    mark = blake3.blake3(value.encode("utf-8", "surrogatepass")).hexdigest(8)
    return f"{value[: LONGEST - len(mark) - 2]}… {mark}"
