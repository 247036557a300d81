"""`ropeway serve`, `ropeway feedback` and `ropeway server`: answering over HTTP, and what comes back."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from ropeway.serving.deploy import Deployment

PORT = click.IntRange(0, 65535)
MB = 2**20

_host_option = click.option("--host", default="127.0.0.1", show_default=True, help="A loopback host.")


@click.command()
@click.argument("reference", metavar="MODEL[@ENVIRONMENT|@VERSION]")
@click.option("--port", type=PORT, default=8080, show_default=True, help="0 takes any free one.")
@_host_option
@click.option(
    "--max-body",
    type=click.FloatRange(0.001, 1024),
    default=1.0,
    show_default=True,
    help="In MiB, a request.",
)
@face_options
def serve(face: Face, reference: str, port: int, host: str, max_body: float) -> None:
    """Answer over HTTP with a model version, and follow its alias when it moves.

    Each answer has an id and is logged before it leaves; POST /feedback takes what it should have been.
    Ctrl-C or SIGTERM stops without failing a request.
    """
    from ropeway.serving.service import serve as run
    from ropeway.serving.source import WorkspaceSource

    with face.workspace() as workspace:
        root, home, project = workspace.root, workspace.home, workspace.project
        actor = workspace.actor_name
    name, _, which = reference.partition("@")

    def ready(url: str, deployment: "Deployment") -> None:
        _say_ready(face, url, deployment)

    run(
        WorkspaceSource(root, reference, actor=actor),
        home,
        model=name,
        environment=which if which in project.environments else "",
        columns=project.log.columns,
        host=host,
        port=port,
        body_bytes=int(max_body * MB),
        on_ready=ready,
    )


@click.command()
@click.argument("prediction", metavar="ID")
@click.argument("value")
@click.option("--note", default="", help="Why; kept with it.")
@face_options
def feedback(face: Face, prediction: str, value: str, note: str) -> None:
    """Say what a prediction should have been: a class, or a number where the model predicts one.

    Saying it again keeps both; the latest holds.
    """
    from ropeway.serving.feedback import append_feedback, parse_value
    from ropeway.serving.record import find_in

    with face.workspace() as workspace:
        home, by = workspace.home, workspace.actor_name
    found = find_in(home, prediction)
    taken = append_feedback(home, prediction, parse_value(found, value), by=by, note=note)
    verdict = "as it was" if taken.value == found.prediction else f"it answered {found.prediction}"
    face.emit(taken, lambda out: out.print(f"{taken.id}  {taken.value}  ({verdict}; {found.model})"))


@click.command()
@click.option("--port", type=PORT, default=7070, show_default=True, help="0 takes any free one.")
@_host_option
@click.option("--allow-execute", is_flag=True, help="Let callers run jobs: the gate, say, runs your code.")
@face_options
def server(face: Face, port: int, host: str, allow_execute: bool) -> None:  # noqa: FBT001  click passes by name
    """Offer every operation of this project over HTTP, on this machine only."""
    from ropeway.server.service import run_server

    def ready(url: str) -> None:
        said = {"url": url, "api": f"{url}/api/v1/", "docs": f"{url}/docs"}
        face.emit(said, lambda out: out.print(f"{url}/docs   Ctrl-C stops"))

    with face.workspace() as workspace:
        run_server(workspace, host=host, port=port, allow_execute=allow_execute, on_ready=ready)


def _say_ready(face: Face, url: str, deployment: "Deployment") -> None:
    import shlex

    import msgspec

    live = deployment.live
    row = {name: kind.example for name, kind in live.signature.kinds.items()}
    body = shlex.quote(msgspec.json.encode(row).decode())
    said = {"url": url, "model": live.ref, "docs": f"{url}/docs"}
    command = f"curl {url}/predict -H 'content-type: application/json' -d {body}"
    face.emit(said, lambda out: out.print(f"{live.ref} answers on {url}   docs: {url}/docs\n{command}"))
