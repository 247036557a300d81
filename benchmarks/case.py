"""What a case is: a name, what it measures beside which peer or limit, its goal, and how it is measured."""

from collections.abc import Callable

import msgspec

from benchmarks.bench import Bench


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure beside others of the same run.

    Attributes:
        what: what was measured, in a few words.
        ours: the median.
        unit: of `ours` and of every figure in `beside`.
        beside: peers and limits by name; a text says why there is no figure.
        goal: what `ours` should reach; None where nothing is promised.
        higher_is_better: the sense of the goal.
        note: one sentence on what limits it or how it was measured.
    """

    what: str
    ours: float
    unit: str
    beside: dict[str, float | str]
    goal: float | None = None
    higher_is_better: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.ours >= self.goal if self.higher_is_better else self.ours <= self.goal


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One file in `cases/`. `measure` is given the bench: scratch folder, peers, how thorough to be."""

    name: str
    title: str
    measure: Callable[[Bench], list[Figure]]
