"""Who belongs to the project, with which role: the operations on members. `tokens` has those on tokens."""

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.ids import PersonId, new_id
from ropeway.ledger import person
from ropeway.ledger.people import PersonIntroduced
from ropeway.members.errors import AdminNeeded, BadMemberName, MemberExists
from ropeway.members.events import MemberAdded, MemberRemoved, RoleGranted
from ropeway.members.projections import member
from ropeway.members.reading import NAME_LENGTH, Member, find_member, require_member
from ropeway.members.roles import Role
from ropeway.members.tokens import (
    issue_for,
    issue_own,
    list_all_tokens,
    list_own_tokens,
    revoke_any,
    revoke_own,
)
from ropeway.workspace import Context, operation

__all__ = [
    "add_member",
    "grant_role",
    "issue_for",
    "issue_own",
    "list_all_tokens",
    "list_members",
    "list_own_tokens",
    "remove_member",
    "revoke_any",
    "revoke_own",
]


@operation("members.list", kind="query", permission="members:read")
def list_members(context: Context) -> list[Member]:
    """The people of the project and their roles, in the order in which they came."""
    rows = context.read.execute(select(member).where(member.c.role.is_not(None)).order_by(member.c.seq))
    return [
        Member(person=PersonId(row.person), name=row.name or row.person, role=row.role, since=row.since)
        for row in rows
    ]


@operation("members.add", kind="command", permission="members:write")
def add_member(context: Context, *, name: str, role: Role) -> Member:
    """Let a person belong to the project. From the first one on, who must be admin, a server asks for tokens.

    Who acted here under that name before is that person; who was removed and comes back is the same again.

    Raises:
        BadMemberName: it could not be recognized again.
        MemberExists: they are a member with another role.
        AdminNeeded: the first member is to be no admin.
    """
    if not 0 < len(name) <= NAME_LENGTH or name != name.strip() or not name.isprintable():
        raise BadMemberName(name)
    context.begin()
    known = find_member(context.read, name)
    if known is not None:
        if known.role != role:
            raise MemberExists(name, known.role, role)
        return msgspec.structs.replace(known, known=True)
    if role != "admin" and not _admins(context.read):
        raise AdminNeeded(name)
    context.append(MemberAdded(person=_person(context, name), name=name, role=role))
    return require_member(context.read, name)


@operation("members.grant", kind="command", permission="members:write")
def grant_role(context: Context, *, name: str, role: Role) -> Member:
    """Give a member another role, in place of the one they have.

    Raises:
        UnknownMember: nobody has that name.
        AdminNeeded: they are the only admin.
    """
    context.begin()
    found = require_member(context.read, name)
    if found.role == role:
        return msgspec.structs.replace(found, known=True)
    _require_another_admin(context.read, found)
    context.append(RoleGranted(person=found.person, role=role, replaced=found.role))
    return require_member(context.read, name)


@operation("members.remove", kind="command", permission="members:write")
def remove_member(context: Context, *, name: str) -> Member:
    """Let a person belong to the project no more; their tokens and sessions end. What they did stays.

    Raises:
        UnknownMember: nobody has that name.
        AdminNeeded: they are the only admin.
    """
    context.begin()
    found = require_member(context.read, name)
    _require_another_admin(context.read, found)
    context.append(MemberRemoved(person=found.person))
    return found


def _person(context: Context, name: str) -> PersonId:
    known = context.read.execute(
        select(person.c.id).where(person.c.name == name).order_by(person.c.seq)
    ).scalar()
    if known is not None:
        return PersonId(known)
    if context.caller.person is None and name == context.actor_name:
        return context.actor
    introduced = PersonId(new_id("person"))
    context.append(PersonIntroduced(person=introduced, name=name))
    return introduced


def _admins(read: Connection) -> list[str]:
    return list(read.execute(select(member.c.person).where(member.c.role == "admin")).scalars())


def _require_another_admin(read: Connection, found: Member) -> None:
    if _admins(read) == [found.person]:
        raise AdminNeeded(found.name)
