"""One process that offers a workspace: load every operation, bind, answer, stop without losing anything."""

import ipaddress
from collections.abc import Callable, Collection

import msgspec

from ropeway.members.access import has_members
from ropeway.server.app import ServerApp
from ropeway.server.upkeep import Upkeep
from ropeway.serving.door import is_loopback
from ropeway.serving.errors import AuthRequired
from ropeway.serving.listen import GracefulServer, bind, url_of
from ropeway.webhooks.deliver import Deliverer
from ropeway.workspace import LocalWorkspace, rooms
from ropeway.workspace.operation import OPERATIONS

DEFAULT_PORT = 7070
FIRST_MEMBER = "ropeway member add NAME --role admin   makes the first member: from then on callers are asked"


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server answers, and whether it asks who is calling."""

    url: str
    asks_who: bool
    is_beyond_loopback: bool


def run_server(
    workspace: LocalWorkspace,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    hosts: Collection[str] = (),
    allow_execute: bool = False,
    on_ready: Callable[[Listening], None] = lambda _listening: None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        workspace: where operations run, opened.
        host: a loopback host; another address of this machine only where the project has members.
        port: 0 takes any free one.
        hosts: names under which it is reached beside its address, as through a proxy; likewise.
        allow_execute: whether jobs that run the project's own code may be run over HTTP.
        on_ready: told where it answers, once it does.

    Raises:
        AuthRequired: it would be reached from elsewhere, and the project has no members.
        PortBusy, CannotListen: as `bind`.
        UndeclaredPermission: a route does not say who may use it.
    """
    rooms.load_operations()
    with workspace.ledger.reading() as read:
        asks_who = has_members(read)
    is_beyond = host != "localhost" and not is_loopback(host)
    if (is_beyond or hosts) and not asks_who:
        raise AuthRequired(host if is_beyond else next(iter(hosts)), FIRST_MEMBER)
    listener = bind(host, port, beyond_loopback=asks_who)
    try:
        app = ServerApp(
            workspace,
            OPERATIONS.values(),
            allow_execute=allow_execute,
            is_draining=lambda: server.server_state.is_draining,
            answers_to=own_hosts(hosts, any_address=is_beyond),
        )
        server = GracefulServer(app, listener)
        upkeep = Upkeep(workspace)
        try:
            with Deliverer(workspace):
                on_ready(Listening(url=url_of(listener), asks_who=asks_who, is_beyond_loopback=is_beyond))
                server.run()
        finally:
            upkeep.close()
            app.close()
    finally:
        listener.close()


def own_hosts(names: Collection[str], *, any_address: bool) -> Callable[[str], bool]:
    """Whether a Host header's name is one of this server.

    Args:
        names: those given beside loopback.
        any_address: every IP address counts. No page can rebind one: it is names that are made to point here.
    """
    known = {name.lower() for name in names}

    def is_own(host: str) -> bool:
        return is_loopback(host) or host in known or (any_address and _is_address(host))

    return is_own


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
