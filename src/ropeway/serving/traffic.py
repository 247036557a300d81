"""How requests are shared out at this moment: which versions answer, and which are asked beside them.

A `Traffic` never changes: a change of weights or of versions is another one, put in its place by one
assignment, so a request that has begun ends with what it began with.
"""

from collections.abc import Sequence

import msgspec

from ropeway.models.routing import Routing
from ropeway.serving.division import Division
from ropeway.serving.loaded import Loaded
from ropeway.serving.reader import Asked, Reader


class Trouble(msgspec.Struct, frozen=True):
    """Why what answers may not be what should."""

    code: str
    what: str


class Traffic:
    """What answers now.

    Args:
        routing: what was asked for.
        live: gets what the arms leave.
        arms: those of the routing, in its order; None for one that is kept out: live gets its share.
        mirrors: versions that are asked beside whoever answers.
        reader: reads requests, by the signature of `live`.
        kept_out: why a version of the routing is none of these.
    """

    def __init__(
        self,
        routing: Routing,
        live: Loaded,
        arms: Sequence[Loaded | None],
        mirrors: Sequence[Loaded],
        reader: Reader,
        kept_out: dict[str, Trouble],
    ) -> None:
        self.routing = routing
        self.live = live
        self.arms = tuple(arms)
        self.mirrors = tuple(mirrors)
        self.reader = reader
        self.kept_out = kept_out
        self.rollout = routing.rollout
        self._division = Division(routing.salt, [arm.share for arm in routing.arms])
        self.is_divided = any(arm is not None for arm in self.arms)

    def version_of(self, entity: str) -> Loaded:
        """Who answers an entity; '' is dealt afresh each time."""
        at = self._division.arm_of(entity)
        return self.live if at is None else self.arms[at] or self.live

    def divide(self, asked: Asked) -> list[tuple[Loaded, list[int]]]:
        """The rows of a request by who answers them, those of live first."""
        rows: dict[Loaded, list[int]] = {self.live: []}
        for row in range(asked.request.height):
            rows.setdefault(self.version_of(asked.entity(row)), []).append(row)
        return [(version, found) for version, found in rows.items() if found]

    def shares(self) -> dict[str, float]:
        """The share that each version gets now; what is kept out gets nothing."""
        given = {arm.ref: arm.share for arm, here in zip(self.routing.arms, self.arms, strict=True) if here}
        return {self.live.ref: round(1.0 - sum(given.values()), 12), **given}

    def is_as(self, other: "Traffic") -> bool:
        """Whether the two share out requests alike, with the same versions in memory."""
        return (
            self.live is other.live
            and self.arms == other.arms
            and self.mirrors == other.mirrors
            and self.kept_out == other.kept_out
            and self.routing.arms == other.routing.arms
            and (self.routing.salt, self.rollout) == (other.routing.salt, other.rollout)
        )

    def __str__(self) -> str:
        """`mood@1 90 %, mood@2 10 %; asked beside: mood@2`."""
        shared = ", ".join(f"{ref} {share:.3g} %" for ref, share in self._percents())
        beside = ", ".join(version.ref for version in self.mirrors)
        return f"{shared}; asked beside: {beside}" if beside else shared

    def _percents(self) -> list[tuple[str, float]]:
        return [(ref, share * 100) for ref, share in self.shares().items()]
