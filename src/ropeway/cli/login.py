"""`ropeway login` and `ropeway logout`: the token for a server, kept for the commands that come."""

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from ropeway.cli.face import Face, face_options
from ropeway.core.errors import Invalid

if TYPE_CHECKING:
    from ropeway.workspace.connection import Connection

ME = "me"


class TokenMalformed(Invalid):
    """What was given as a token cannot be one."""

    code = "token-malformed"

    def __init__(self) -> None:
        super().__init__(
            "That is no token.",
            expected="a token as the server's administrator gave it, on one line",
            next_step="ropeway login URL   and paste it where it asks",
        )


class Known(msgspec.Struct, frozen=True):
    """What a server says of who asks; without a role where the project has no members."""

    name: str
    role: str | None


class SignedIn(msgspec.Struct, frozen=True):
    """Who the server takes one for; `name` is empty where it asks for no token."""

    server: str
    name: str
    file: str


@click.command()
@click.argument("url")
@face_options
def login(face: Face, url: str) -> None:
    """Keep a token for the server at URL, once the server has taken it.

    The token is asked for, or read from standard input; it never stands on the command line, where others on
    this machine could read it. `$ROPEWAY_TOKEN` goes before what is kept.
    """
    from ropeway.workspace.connection import Connection
    from ropeway.workspace.tokens import is_token, keep_token

    origin = Connection(url, insecure=face.insecure).origin
    token = _asked(origin)
    if not is_token(token):
        raise TokenMalformed
    connection = Connection(url, token=token, insecure=face.insecure)
    try:
        name = _who(connection)
    finally:
        connection.close()
    signed = SignedIn(origin, name, str(keep_token(origin, token)) if name else "")
    said = f"{origin}: you are {name}" if name else f"{origin} asks for no token; none was kept"
    face.emit(signed, lambda out: out.print(said))


@click.command()
@click.argument("url")
@face_options
def logout(face: Face, url: str) -> None:
    """Forget the token that was kept for the server at URL. It stays valid until the server revokes it."""
    from ropeway.workspace.connection import Connection
    from ropeway.workspace.tokens import forget_token

    origin = Connection(url, insecure=True).origin
    was_there = forget_token(origin)
    face.emit(
        {"server": origin, "forgotten": was_there},
        lambda out: out.print("forgotten" if was_there else "no token was kept"),
    )


def _asked(origin: str) -> str:
    """The token as it was typed, unseen, or piped in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(1000).strip()
    return str(click.prompt(f"token for {origin}", hide_input=True, err=True)).strip()


def _who(connection: "Connection") -> str:
    """The name that the server knows the token by; "" where it asks for none."""
    from ropeway.core.errors import NotFound
    from ropeway.workspace.errors import ForeignAnswer

    try:
        _, body = connection.get(ME)
    except NotFound:
        connection.get("workspace.project")  # a server of ours, that knows nobody
        return ""
    try:
        told = msgspec.json.decode(body, type=Known)
    except msgspec.DecodeError as error:
        raise ForeignAnswer(connection.origin, "it does not say who one is") from error
    return told.name if told.role is not None else ""
