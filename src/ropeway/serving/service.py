"""One process that serves one reference: bind, load, watch, answer, and stop without losing anything."""

import gc
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
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
    carry: Sequence[str] = (),
    entity: str | None = None,
    segment_age: timedelta | None = None,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    body_bytes: int = BODY_BYTES,
    clock: Clock | None = None,
    on_ready: Callable[[str, Deployment], None] = lambda _url, _deployment: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain, flush and close the segments.

    Args:
        source: says which versions the reference means, and loads them; closed at the end.
        home: the workspace's `.ropeway`, below which answers are logged.
        model: the model's name, for the log.
        environment: where it serves, for the log; may be empty.
        columns: how request columns are logged: kept, hashed or dropped.
        carry: fields that a request may carry beside the inputs; logged, and seen by no model.
        entity: the field, an input or carried, that divides traffic; each row by itself when absent.
        segment_age: the age at which a segment of the log is let go of; only by size when absent.
        host: a loopback host.
        port: 0 takes any free one.
        body_bytes: the limit of a request's body.
        clock: where times come from.
        on_ready: told the URL and the deployment once requests are answered.

    Raises:
        AuthRequired, PortBusy, CannotListen: as `bind`.
        EntitySaltDamaged: the workspace's salt for entities cannot be read.
        RopewayError: the reference or its live version cannot be found or loaded.
    """
    clock = clock or SystemClock()
    # First the port: a model may take long to load, and a busy port is known at once.
    listener = bind(host, port)
    try:
        deployment = Deployment(source, clock, carry=carry, entity=entity)
        with PredictionLog(
            home,
            model=model,
            environment=environment,
            columns=columns,
            entity=entity,
            clock=clock,
            segment_age=segment_age,
        ) as log:
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
        # What is loaded by now stays: to look through it for garbage again and again would cost answers time.
        gc.collect()
        gc.freeze()
        on_ready(url_of(listener), deployment)
        server.run()
    finally:
        gc.unfreeze()
        # Shadows first: they still need their versions.
        app.close()
        deployment.stop()
