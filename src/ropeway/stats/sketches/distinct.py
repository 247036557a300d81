"""How many different values there were, in 4 kB: a HyperLogLog sketch.

    Flajolet, P., Fusy, É., Gandouet, O., Meunier, F. (2007). HyperLogLog: the analysis of a near-optimal
    cardinality estimation algorithm. AofA 2007.

Deterministic: the same values in the same order give the same bytes.
"""

from collections import deque
from collections.abc import Iterable
from typing import Self

import datasketches  # type: ignore[import-untyped]  # it ships no types

LG_K = 12
"""4096 registers: a relative standard error of 1.6 %, and small sets are counted exactly."""


class Distinct:
    """The number of different values.

    Example:
        >>> sketch = Distinct()
        >>> sketch.update(["a", "b", "a"])
        >>> sketch.estimate
        2
    """

    def __init__(self, sketch: datasketches.hll_sketch | None = None) -> None:
        self._hll = sketch if sketch is not None else datasketches.hll_sketch(LG_K, datasketches.HLL_8)

    def update(self, values: Iterable[float] | Iterable[str]) -> None:
        """Take in values; one that came before changes nothing."""
        # The binding takes one value a call; a deque without room runs the loop in C.
        deque(map(self._hll.update, values), maxlen=0)

    def merge(self, other: Self) -> Self:
        """The sketch of both."""
        union = datasketches.hll_union(LG_K)
        union.update(self._hll)
        union.update(other._hll)
        return type(self)(union.get_result(datasketches.HLL_8))

    @property
    def estimate(self) -> int:
        """The number of different values, to the nearest whole one."""
        return int(self._hll.get_estimate() + 0.5)

    def to_bytes(self) -> bytes:
        """As Apache DataSketches writes it."""
        return bytes(self._hll.serialize_compact())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` wrote."""
        return cls(datasketches.hll_sketch.deserialize(data))
