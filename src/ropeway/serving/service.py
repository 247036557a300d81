"""One process that serves one reference: bind, load, watch, answer, and stop without losing anything."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from ropeway.core.clock import Clock, SystemClock
from ropeway.serving.app import PredictionApp
from ropeway.serving.deploy import Deployment, Source
from ropeway.serving.door import BODY_BYTES
from ropeway.serving.listen import GracefulServer, bind, url_of
from ropeway.serving.log import PredictionLog

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080


def serve(
    source: Source,
    home: Path,
    *,
    model: str,
    environment: str = "",
    columns: Mapping[str, str] | None = None,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    body_bytes: int = BODY_BYTES,
    clock: Clock | None = None,
    on_ready: Callable[[str, Deployment], None] = lambda _url, _deployment: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain, flush and seal.

    Args:
        source: says which version the reference means, and loads it; closed at the end.
        home: the workspace's `.ropeway`, below which answers are logged.
        model: the model's name, for the log.
        environment: where it serves, for the log; may be empty.
        columns: how request columns are logged: kept, hashed or dropped.
        host: a loopback host.
        port: 0 takes any free one.
        body_bytes: the limit of a request's body.
        clock: where times come from.
        on_ready: told the URL and the deployment once requests are answered.

    Raises:
        AuthRequired, PortBusy, CannotListen: as `bind`.
        RopewayError: the reference or its version cannot be found or loaded.
    """
    clock = clock or SystemClock()
    # First the port: a model may take long to load, and a busy port is known at once.
    listener = bind(host, port)
    try:
        deployment = Deployment(source, clock)
        with PredictionLog(home, model=model, environment=environment, columns=columns, clock=clock) as log:
            log.open()
            _answer(listener, deployment, log, body_bytes, on_ready)
    finally:
        listener.close()


def _answer(
    listener: socket.socket,
    deployment: Deployment,
    log: PredictionLog,
    body_bytes: int,
    on_ready: Callable[[str, Deployment], None],
) -> None:
    app = PredictionApp(
        deployment, log, is_draining=lambda: server.server_state.is_draining, body_bytes=body_bytes
    )
    server = GracefulServer(app, listener)
    deployment.start()
    try:
        on_ready(url_of(listener), deployment)
        server.run()
    finally:
        deployment.stop()
        app.close()
