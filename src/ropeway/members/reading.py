"""Members as they stand, and how one is found by name."""

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.ids import PersonId
from ropeway.members.errors import UnknownMember
from ropeway.members.projections import member
from ropeway.members.roles import Role

NAME_LENGTH = 100


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the project. `known` when that is how it already was."""

    person: PersonId
    name: str
    role: Role
    since: str
    known: bool = False


def find_member(read: Connection, name: str) -> Member | None:
    """The member of a name."""
    where = (member.c.name == name) & member.c.role.is_not(None)
    row = read.execute(select(member).where(where)).first()
    if row is None:
        return None
    return Member(person=PersonId(row.person), name=row.name, role=row.role, since=row.since)


def require_member(read: Connection, name: str) -> Member:
    """The member of a name, or `UnknownMember`."""
    found = find_member(read, name)
    if found is None:
        known = read.execute(select(member.c.name).where(member.c.role.is_not(None))).scalars()
        raise UnknownMember(name[:NAME_LENGTH], [each for each in known if each])
    return found
