"""What a reconciling verb did, in words: the line a controller prints."""

import msgspec

from ropeway.core.errors import RopewayError

INTERNAL = "internal"


class Action(msgspec.Struct, frozen=True):
    """One thing that was done: the kind of it, to what, and a sentence that says so."""

    kind: str
    subject: str
    says: str


def trouble(subject: str, error: Exception) -> Action:
    """What went wrong with something, with its code and the next step, for those who read the loop."""
    if isinstance(error, RopewayError):
        next_step = f" next: {error.next_step}" if error.next_step else ""
        return Action("error", subject, f"[{error.code}] {error.what}{next_step}")
    return Action("error", subject, f"[{INTERNAL}] {type(error).__name__}: {error}")
