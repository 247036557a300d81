"""`ropeway member` and `ropeway token`: who belongs to the project, and by what a server knows them."""

from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.members.reading import Member
    from ropeway.members.roles import Role
    from ropeway.members.tokens import Token

# Written out, so that reading the commands loads no room; a test holds it against the policy.
ROLES = ("viewer", "contributor", "approver", "operator", "admin")
HOUR = len("2026-05-03T09:00")

_role_option = click.option(
    "--role", type=click.Choice(ROLES), required=True, help="What they may do: each more than the one before."
)


@click.group()
def member() -> None:
    """Who belongs to the project, and may do what. A server asks for tokens from the first member on."""


@member.command("add")
@click.argument("name")
@_role_option
@face_options
def add(face: Face, name: str, role: "Role") -> None:
    """Let a person belong to the project. The first one is admin."""
    from ropeway.members.operations import add_member

    with face.workspace() as workspace:
        added = add_member(workspace, name=name, role=role)
    face.emit(added, lambda out: _draw_added(out, added))


@member.command("list")
@face_options
def list_all(face: Face) -> None:
    """List the members and their roles."""
    from ropeway.members.operations import list_members

    with face.workspace() as workspace:
        found = list_members(workspace)
    face.emit(found, lambda out: _draw_members(out, found))


@member.command("grant")
@click.argument("name")
@_role_option
@face_options
def grant(face: Face, name: str, role: "Role") -> None:
    """Give a member another role in place of the one they have. It holds from their next request on."""
    from ropeway.members.operations import grant_role

    with face.workspace() as workspace:
        granted = grant_role(workspace, name=name, role=role)
    said = f"{granted.name} is {granted.role}" + (" already" if granted.known else "")
    face.emit(granted, lambda out: out.print(said))


@member.command("remove")
@click.argument("name")
@face_options
def remove(face: Face, name: str) -> None:
    """Let a person belong to the project no more. Their tokens end; what they did stays on record."""
    from ropeway.members.operations import remove_member

    with face.workspace() as workspace:
        removed = remove_member(workspace, name=name)
    face.emit(removed, lambda out: out.print(f"{removed.name} is a member no more; their tokens are revoked"))


@click.group()
def token() -> None:
    """Issue, list and revoke the tokens by which a server knows its members."""


@token.command("issue")
@click.option("--for", "name", metavar="NAME", help="Whose it is (default: yours; others' is for admins).")
@click.option("--label", metavar="TEXT", help="What it is for: 'laptop', 'nightly job'.")
@click.option("--role", type=click.Choice(ROLES), help="No more than this role may.")
@click.option("--read-only", is_flag=True, help="Only what reads.")
@click.option("--only", multiple=True, metavar="PERMISSION", help="This at most; may be given again.")
@click.option("--lasts", default="90d", show_default=True, help="How long: 12h, 30d, 26w; 366 days at most.")
@face_options
def issue(face: Face, /, name: str | None, only: tuple[str, ...], **wish: Any) -> None:
    """Issue a token. It is shown once, here, and kept nowhere: only its digest is.

    It may do what its member may, or less. One that was narrowed manages neither members nor tokens.
    """
    from ropeway.members.operations import issue_for, issue_own
    from ropeway.members.secrets import TOKEN, draw

    secret = draw(TOKEN)
    wish |= {"token": secret.id, "digest": secret.digest, "only": list(only) or None}
    with face.workspace() as workspace:
        issued = issue_own(workspace, **wish) if name is None else issue_for(workspace, name=name, **wish)
    face.emit({"token": secret.text, "issued": issued}, lambda out: _draw_issued(out, secret.text, issued))


@token.command("list")
@click.option("--all", "of_all", is_flag=True, help="Everybody's.")
@face_options
def list_tokens(face: Face, of_all: bool) -> None:  # noqa: FBT001  click passes by name
    """List your tokens, the newest first: what each may do, until when, and when it was last used."""
    from ropeway.members.operations import list_all_tokens, list_own_tokens

    with face.workspace() as workspace:
        found = list_all_tokens(workspace) if of_all else list_own_tokens(workspace)
    face.emit(found, lambda out: _draw_tokens(out, found))


@token.command("revoke")
@click.argument("which", metavar="ID")
@click.option("--reason", metavar="TEXT", help="Why; kept with it.")
@click.option("--and-issued", is_flag=True, help="Those too that were issued by who came with it.")
@click.option("--any", "of_any", is_flag=True, help="Somebody else's: for admins.")
@face_options
def revoke(face: Face, which: str, reason: str | None, and_issued: bool, of_any: bool) -> None:  # noqa: FBT001  click passes by name
    """Revoke a token: from the next request on it opens nothing, nor do sessions that began with it.

    ID is the token's id, or the token itself.
    """
    from ropeway.members.operations import revoke_any, revoke_own
    from ropeway.members.secrets import TOKEN, parse

    shown = parse(which, TOKEN)
    operation = revoke_any if of_any else revoke_own
    with face.workspace() as workspace:
        revoked = operation(
            workspace, token=which if shown is None else shown.id, reason=reason, and_issued=and_issued
        )
    said = f"revoked {', '.join(revoked)}" if revoked else "it was revoked before"
    face.emit(revoked, lambda out: out.print(said))


def _draw_added(out: "Console", added: "Member") -> None:
    from ropeway.cli import draw

    out.print(f"{added.name} is {added.role}" + (" already" if added.known else ""))
    draw.next_step(out, f"ropeway token issue --for {added.name}", why="shown once; give it to them")


def _draw_members(out: "Console", found: "list[Member]") -> None:
    from ropeway.cli import draw

    if not found:
        out.print("nobody yet: whoever has the files, or reaches ropeway server on this machine, may do all")
        draw.next_step(out, "ropeway member add NAME --role admin")
        return
    draw.table(out, ["name", "role", "since"], [[each.name, each.role, each.since[:HOUR]] for each in found])


def _draw_issued(out: "Console", secret: str, issued: "Token") -> None:
    from ropeway.cli import draw

    # By itself on a line, whole, however narrow the terminal is.
    out.print(secret, soft_wrap=True)
    draw.facts(
        out,
        [
            ("member", issued.member),
            ("may", _may(issued)),
            ("until", issued.expires_at[:HOUR]),
            ("shown", "now and never again"),
        ],
    )


def _draw_tokens(out: "Console", found: "list[Token]") -> None:
    from ropeway.cli import draw

    if not found:
        out.print("no tokens")
        draw.next_step(out, "ropeway token issue")
        return
    rows = [
        [
            each.id,
            draw.badge({"live": "ok", "expired": "skipped"}.get(each.state, "refused"), each.state),
            each.member,
            each.label,
            _may(each),
            each.expires_at[:HOUR],
            None if each.used_at is None else f"{each.used_at}h",
            each.issued_by,
        ]
        for each in found
    ]
    heads: list[draw.Column | str] = [
        "id",
        "state",
        "member",
        draw.Column("label", grow=True),
        "may",
        draw.Column("until", rank=1),
        draw.Column("last used", rank=2),
        draw.Column("issued by", rank=3),
    ]
    draw.table(out, heads, rows)


def _may(each: "Token") -> str:
    """What a token may do, beside what its member may."""
    parts = [f"at most {each.role}" if each.role else "", "read only" if each.read_only else ""]
    parts.append(f"only {', '.join(each.only)}" if each.only is not None else "")
    return " · ".join(part for part in parts if part) or "what they may"
