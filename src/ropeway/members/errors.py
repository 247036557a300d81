"""What can go wrong around members and tokens.

NotFound ├── UnknownMember └── UnknownToken
Conflict ├── MemberExists ├── AdminNeeded └── TokenExists
Invalid  ├── BadMemberName ├── BadToken ├── BadLifetime └── UnknownPermission
"""

from collections.abc import Iterable

from ropeway.core.errors import Conflict, Invalid, NotFound, did_you_mean


class UnknownMember(NotFound):
    """Nobody of that name belongs to the project."""

    code = "unknown-member"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("member", name, known, next_step=f"ropeway member add {name} --role viewer")


class UnknownToken(NotFound):
    """No token has that id, or none of yours has."""

    code = "unknown-token"

    def __init__(self, token: str, known: Iterable[str]) -> None:
        super().__init__("token", token, known, next_step="ropeway token list")


class MemberExists(Conflict):
    """Who is to be added belongs to the project already, with another role."""

    code = "member-exists"

    def __init__(self, name: str, role: str, wanted: str) -> None:
        super().__init__(
            f"'{name}' is a member already, as {role}.",
            expected="somebody who is none",
            next_step=f"ropeway member grant {name} {wanted}",
            name=name,
            role=role,
        )


class AdminNeeded(Conflict):
    """A project with members would have no admin, whom nobody could then appoint over the server."""

    code = "admin-needed"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Nobody would be admin: '{name}' would be the only member, or is the only admin.",
            expected="at least one admin, from the first member on",
            next_step="ropeway member add NAME --role admin",
            name=name,
        )


class TokenExists(Conflict):
    """A token with that id was issued before, and it is another."""

    code = "token-exists"

    def __init__(self, token: str) -> None:
        super().__init__(
            f"There is another token '{token}' already.",
            expected="an id that was just drawn",
            next_step="ropeway token issue",
            token=token,
        )


class BadMemberName(Invalid):
    """A name that would not be recognized again where it is shown."""

    code = "bad-member-name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name[:80]}' cannot be a member's name.",
            expected="1 to 100 visible characters, without blanks at its ends",
        )


class BadToken(Invalid):
    """The id or the digest under which a token is to be kept is none."""

    code = "bad-token"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"The token's {field} has another form.",
            expected="an id of 12 characters, and the SHA-256 of the whole token in 64 hex digits",
            next_step="ropeway token issue   draws one",
            field=field,
        )


class BadLifetime(Invalid):
    """A length of time for which no token is issued."""

    code = "bad-lifetime"

    def __init__(self, lasts: str, reason: str) -> None:
        super().__init__(
            f"A token cannot last '{lasts[:40]}': {reason}.", expected="such as 12h, 30d or 26w", lasts=lasts
        )


class UnknownPermission(Invalid):
    """A permission that no role has, so that no token can be limited to it."""

    code = "unknown-permission"

    def __init__(self, permission: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(
            f"There is no permission '{permission[:80]}'.{did_you_mean(permission, known)}",
            expected="one of " + ", ".join(known),
            permission=permission,
        )
