"""What a check of soundness finds, whichever room checks."""

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not sound, and the events that refer to it."""

    what: str
    named_by: list[str] = []
