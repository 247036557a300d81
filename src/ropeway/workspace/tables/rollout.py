"""`[rollout]`: the way of a version to its users."""

from typing import Literal

import msgspec

from ropeway.core.duration import parse_duration
from ropeway.workspace.settings import Settings, check_durations


class Guards(Settings, frozen=True, kw_only=True):
    """`[rollout.guards]`: what stops a rollout whatever its costs are."""

    latency_ratio: float = 2.0
    error_rate: float = 0.01
    coverage_gap: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latency_ratio <= 1:
            raise ValueError("`latency_ratio` must be over 1: the candidate's p99 beside the live version's")
        if not 0 <= self.error_rate <= 1 or not 0 < self.coverage_gap <= 1:
            raise ValueError("`error_rate` and `coverage_gap` are shares, from 0 to 1")


class Rollout(Settings, frozen=True, kw_only=True):
    """`[rollout]`: the steps by which a version reaches users, and the test that it must pass on the way."""

    steps: list[str | float] = msgspec.field(default_factory=lambda: ["shadow", 0.1, 0.5])
    min_entities: int = 100
    settle: str = "0s"
    deadline: str = "14d"
    mirror: bool = True
    alpha: float = 0.05
    spend: float = 0.2
    harm_alpha: float = 0.05
    min_gain: float = 0.0
    error_cap: float | None = None
    undecided: Literal["hold", "roll-back"] = "hold"
    guards: Guards = Guards()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_durations(self, "settle", "deadline")
        if parse_duration(self.settle) >= parse_duration(self.deadline):
            raise ValueError(
                f"`settle` is {self.settle}, not shorter than `deadline`, {self.deadline}: nothing could be "
                "decided in time"
            )
        shares = [step for step in self.steps if not isinstance(step, str)]
        words = [step for step in self.steps if isinstance(step, str)]
        if not self.steps or any(word != "shadow" for word in words) or "shadow" in self.steps[1:]:
            raise ValueError('`steps` are shares of traffic, with "shadow" at most as the first')
        if any(not 0 < share < 1 for share in shares) or shares != sorted(set(shares)):
            raise ValueError("shares in `steps` must rise, each over 0 and under 1: live is not among them")
        if not 0 < self.alpha < 1 or not 0 < self.harm_alpha < 1:
            raise ValueError("`alpha` and `harm_alpha` must be over 0 and under 1")
        if not 0 < self.spend < 1:
            raise ValueError("`spend` is the share of what is left of alpha that a release takes")
        if self.min_entities < 1:
            raise ValueError("`min_entities` must be at least 1")
        if self.min_gain < 0:
            raise ValueError("`min_gain` must not be negative: a release must not make things worse")
        if self.error_cap is not None and self.error_cap <= 0:
            raise ValueError("`error_cap` must be over 0")
