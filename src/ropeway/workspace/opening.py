"""Opening a workspace: the one in the project's folder, or one that a server keeps.

Which one: what the caller says, else `$ROPEWAY_WORKSPACE`, else `[workspace] server` in ropeway.toml, else
the folder's own. The word `local` always means the folder's own.
"""

import os
from collections.abc import Callable
from pathlib import Path

from ropeway.workspace.clock import clock_of_environment
from ropeway.workspace.errors import BadServer, ProjectInvalid, ProjectNotFound, TokenNotMeant
from ropeway.workspace.local import find_project, open_local, usual_actor
from ropeway.workspace.operation import OpenWorkspace
from ropeway.workspace.project_file import load_project

VARIABLE = "ROPEWAY_WORKSPACE"
LOCAL = "local"
SCHEMES = ("http://", "https://")


def open_workspace(
    where: Path | str | None = None,
    *,
    actor: str | None = None,
    server: str | None = None,
    insecure: bool = False,
    tell: Callable[[str], None] = lambda _text: None,
) -> OpenWorkspace:
    """Open the workspace of the project at `where`, or of the working folder, searching upward.

    Args:
        where: a folder in the project, or the URL of a server that keeps its workspace.
        actor: the name under which to act; else `$ROPEWAY_AS`, else the login name. A server that asks for a
            token goes by that.
        server: the URL of a server, with `where` as the folder of the code; `local` for the folder's own.
        insecure: allow plain http to another machine.
        tell: called with a sentence where the folder's settings are not those that count.

    Raises:
        ProjectNotFound: there is no ropeway.toml there or above, and no server is named.
        BadServer, NotSafe: the server's address cannot be used.

    Example:
        ```python
        with ropeway.open_workspace("https://ropeway.example.org") as workspace: ...
        ```
    """
    if isinstance(where, str) and where.startswith(SCHEMES):
        where, server = None, where
    url = server_of(where, server)
    if url is None:
        return open_local(where, actor=actor)
    return _open_remote(where, url, actor=actor, insecure=insecure, tell=tell)


def open_found(
    where: Path, url: str, *, actor: str, said: str | None = None, insecure: bool = False
) -> OpenWorkspace:
    """Open the workspace at an address that was found in a folder, which may be another's.

    Args:
        where: the folder.
        url: the address.
        actor: the name under which to act.
        said: the server that the caller names, if any.
        insecure: allow plain http to another machine.

    Raises:
        TokenNotMeant: neither the caller nor the project file names it, and no token was kept for it.
        BadServer, NotSafe: the address cannot be used.
    """
    is_meant = _address(url) in _meant(where, said)
    return _open_remote(where, url, actor=actor, insecure=insecure, is_meant=is_meant)


def _meant(where: Path, said: str | None) -> set[str]:
    """The servers that may have the token of the environment."""
    try:
        of_project = load_project(_root(where)).workspace.server
    # Who cannot be read names none.
    except (ProjectNotFound, ProjectInvalid):
        of_project = None
    named = (said, os.environ.get(VARIABLE, "").strip(), of_project)
    return {_address(each) for each in named if each and each.startswith(SCHEMES)}


def _address(url: str) -> str:
    """A server's address as a connection says it, however it was written."""
    from ropeway.workspace.connection import Connection

    return Connection(url, insecure=True).address


def server_of(where: Path | str | None, said: str | None = None) -> str | None:
    """The server that keeps a folder's workspace; None for the folder itself.

    Raises:
        BadServer: something is named that is no server.
        ProjectInvalid: the project file cannot be read, which might name one.
    """
    named = said or os.environ.get(VARIABLE, "").strip()
    if not named:
        try:
            return load_project(_root(where)).workspace.server
        except ProjectNotFound:
            return None
    if named == LOCAL:
        return None
    if not named.startswith(SCHEMES):
        raise BadServer("it is no http or https URL")
    return named


def _open_remote(
    where: Path | str | None,
    url: str,
    *,
    actor: str | None,
    insecure: bool,
    is_meant: bool = True,
    tell: Callable[[str], None] = lambda _text: None,
) -> OpenWorkspace:
    from ropeway.workspace.connection import Connection
    from ropeway.workspace.remote import RemoteWorkspace, headers_for, home_for
    from ropeway.workspace.tokens import kept_token, of_environment, token_for

    root = folder_of(where)
    name = actor or usual_actor()
    plain = Connection(url, insecure=insecure)
    token = token_for(plain.origin) if is_meant else kept_token(plain.origin)
    if token is None and not is_meant and of_environment():
        raise TokenNotMeant(plain.address)
    connection = Connection(url, token=token, headers=headers_for(root, name), insecure=insecure)
    return RemoteWorkspace(
        connection,
        root=root,
        home=home_for(root, plain.address),
        actor=name,
        clock=clock_of_environment(),
        tell=tell,
    )


def folder_of(where: Path | str | None = None) -> Path:
    """The project's folder; the one that was named, or the working folder, where there is none.

    Whoever works with a server's workspace needs no project's folder.
    """
    try:
        return _root(where)
    except ProjectNotFound:
        return Path.cwd() if where is None else Path(where)


def _root(where: Path | str | None) -> Path:
    return find_project(Path(where) if where is not None else Path.cwd())
