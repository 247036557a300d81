"""What a reconciling verb did, in words: the line a controller prints."""

import msgspec


class Action(msgspec.Struct, frozen=True):
    """One thing that was done: the kind of it, to what, and a sentence that says so."""

    kind: str
    subject: str
    says: str
