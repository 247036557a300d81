"""What happens to a project's people and their tokens. Names, labels and digests of tokens are erasable."""

from ropeway.core.ids import PersonId
from ropeway.ledger import Event, event
from ropeway.members.roles import Role


@event("member-added", erasable=("name",))
class MemberAdded(Event, frozen=True, kw_only=True):
    """A person belongs to the project from now on. From the first one on, a server asks who is calling."""

    person: PersonId
    name: str | None
    role: Role

    def subject(self) -> str:
        """The person."""
        return f"person:{self.person}"


@event("role-granted")
class RoleGranted(Event, frozen=True, kw_only=True):
    """A member has another role from now on: more than before, or less."""

    person: PersonId
    role: Role
    replaced: Role

    def subject(self) -> str:
        """The person."""
        return f"person:{self.person}"


@event("member-removed")
class MemberRemoved(Event, frozen=True, kw_only=True):
    """A person belongs to the project no more; each of their tokens ends with it."""

    person: PersonId

    def subject(self) -> str:
        """The person."""
        return f"person:{self.person}"


@event("token-issued", erasable=("label", "digest"))
class TokenIssued(Event, frozen=True, kw_only=True):
    """A token for a member. `digest` is the SHA-256 of the whole of it; the token itself is on no record.

    `role`, `read_only` and `only` narrow what its person may do; `issued_with` is the token by which the
    issuer was known, where they were known by one.
    """

    token: str
    person: PersonId
    label: str | None
    digest: str | None
    role: Role | None
    read_only: bool
    only: list[str] | None
    expires_at: str
    issued_with: str | None

    def subject(self) -> str:
        """The token."""
        return f"token:{self.token}"


@event("token-revoked", erasable=("reason",))
class TokenRevoked(Event, frozen=True, kw_only=True):
    """A token opens nothing any more, nor does any session that began with it."""

    token: str
    reason: str | None

    def subject(self) -> str:
        """The token."""
        return f"token:{self.token}"
