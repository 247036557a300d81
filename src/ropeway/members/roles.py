"""Who may do what: the written policy. A role has what it adds here, and all that the roles before it have.

Every operation declares one permission. One that no role has can be used by nobody over HTTP, so that a new
operation is closed until somebody writes it down here. A person on this machine who owns the files has every
permission without being asked: they could write the files themselves.
"""

from collections.abc import Collection, Iterable
from typing import Literal, get_args

Role = Literal["viewer", "contributor", "approver", "operator", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most."""

HEALTH = "server:health"
"""To ask whether the server is there: the only thing that a stranger may do."""
DESCRIBE = "server:describe"
"""To read what the server is, and who one is to it: every member, however narrow their token."""

ADDS: dict[Role, tuple[str, ...]] = {
    # Reads everything, the objects too; manages tokens of their own.
    "viewer": (
        HEALTH,
        DESCRIBE,
        "data:read",
        "jobs:read",
        "labels:read",
        "ledger:read",
        "members:read",
        "models:read",
        "monitoring:read",
        "objects:read",
        "predictions:read",
        "project:read",
        "remotes:read",
        "retraining:read",
        "runs:read",
        "story:read",
        "tokens:read",
        "tokens:write",
    ),
    # Brings data and labels, from remotes too, trains, registers what came out, has it judged.
    "contributor": (
        "data:write",
        "labels:write",
        "models:gate",
        "models:write",
        "objects:write",
        "remotes:pull",
        "runs:write",
    ),
    # Answers for it: decides on labels and versions, which code may run, and what must be kept.
    "approver": (
        "labels:adjudicate",
        "models:approve",
        "models:trust",
        "retraining:approve",
        "workspace:hold",
    ),
    # Runs production: what is live, its traffic, its watching, its renewal; takes the record
    # and what it speaks of elsewhere.
    "operator": (
        "ledger:export",
        "models:promote",
        "monitoring:write",
        "predictions:write",
        "remotes:push",
        "retraining:write",
    ),
    # Says who belongs to the project and what they may; throws away, erases, answers for the key,
    # and says which addresses are told.
    "admin": (
        "ledger:sign",
        "members:write",
        "tokens:manage",
        "webhooks:manage",
        "workspace:erase",
        "workspace:keep",
    ),
}

MANAGING = frozenset({"members:write", "tokens:manage", "tokens:write"})
"""What a narrowed token never has: with it, it could get itself a wider one."""


def permissions_of(role: Role) -> frozenset[str]:
    """All that a role may do."""
    reached = ROLES[: ROLES.index(role) + 1]
    return frozenset(permission for each in reached for permission in ADDS[each])


def narrowed(
    role: Role, *, at_most: Role | None, read_only: bool, only: Collection[str] | None
) -> frozenset[str]:
    """What a token of a member may do.

    Args:
        role: the member's own, now.
        at_most: the token's own limit.
        read_only: whether it only reads.
        only: the permissions that it is limited to.
    """
    allowed = permissions_of(role)
    if at_most is None and not read_only and only is None:
        return allowed
    if at_most is not None:
        allowed &= permissions_of(at_most)
    if read_only:
        allowed = frozenset(each for each in allowed if each.endswith(":read"))
    if only is not None:
        allowed &= frozenset(only)
    return (allowed - MANAGING) | {HEALTH, DESCRIBE}


def ungranted(permissions: Iterable[str]) -> list[str]:
    """Those that no role has."""
    return sorted(set(permissions) - permissions_of("admin"))
