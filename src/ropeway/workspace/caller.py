"""Who calls, how that was proven, and what they may do: a face says it, operations and the ledger read it."""

import msgspec

from ropeway.core.ids import PersonId


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """One caller of a workspace.

    A local caller has a name, as given, and every permission: whoever owns the files could write what they
    like. A server's caller was recognized: `person` is who it is, whatever name they give.
    """

    name: str
    person: PersonId | None = None
    auth: str = "none"
    """How they proved who they are, as each event of theirs says: "none", "token", "session"."""
    allowed: frozenset[str] | None = None
    """Their permissions; None for all of them."""
    credential: str = ""
    """The id of the token that they came with, or that their session began with."""

    def may(self, permission: str) -> bool:
        """Whether they have a permission."""
        return self.allowed is None or permission in self.allowed
