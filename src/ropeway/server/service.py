"""One process that offers a workspace: load every operation, bind, answer, stop without losing anything."""

from collections.abc import Callable

from ropeway.server.app import ServerApp
from ropeway.serving.listen import GracefulServer, bind, url_of
from ropeway.workspace import LocalWorkspace, rooms
from ropeway.workspace.operation import OPERATIONS

DEFAULT_PORT = 7070


def run_server(
    workspace: LocalWorkspace,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    allow_execute: bool = False,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        workspace: where operations run, opened.
        host: a loopback host.
        port: 0 takes any free one.
        allow_execute: whether jobs that run the project's own code may be run over HTTP.
        on_ready: told the URL once requests are answered.

    Raises:
        AuthRequired, PortBusy, CannotListen: as `bind`.
        UndeclaredPermission: a route does not say who may use it.
    """
    rooms.load_operations()
    listener = bind(host, port)
    try:
        app = ServerApp(
            workspace,
            OPERATIONS.values(),
            allow_execute=allow_execute,
            is_draining=lambda: server.server_state.is_draining,
        )
        server = GracefulServer(app, listener)
        try:
            on_ready(url_of(listener))
            server.run()
        finally:
            app.close()
    finally:
        listener.close()
