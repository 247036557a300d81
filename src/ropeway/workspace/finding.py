"""What a check of soundness finds, whichever room checks."""

import msgspec

from ropeway.core.ids import Digest


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not sound.

    Attributes:
        what: in words.
        named_by: the events that refer to it.
        concerns: the versions and runs that rest on it: `tweets@v2`, `sentiment@3`, a run's id.
        digest: the object, where it is one: what has to be brought again.
        is_derived: whether it is a projection, which can be made again from the events.
    """

    what: str
    named_by: list[str] = []
    concerns: list[str] = []
    digest: Digest | None = None
    is_derived: bool = False
