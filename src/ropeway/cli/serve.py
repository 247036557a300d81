"""`ropeway serve`, `ropeway feedback` and `ropeway server`: answering over HTTP, and what comes back."""

import re
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options
from ropeway.core.errors import Conflict

if TYPE_CHECKING:
    from ropeway.server.service import Listening
    from ropeway.serving.deploy import Deployment
    from ropeway.workspace import Workspace

PORT = click.IntRange(0, 65535)
MB = 2**20
_NEGATIVE = re.compile(r"-\.?[0-9]")


class NotServable(Conflict):
    """A version that was put aside, rejected or retired, does not answer."""

    code = "not-servable"

    def __init__(self, ref: str, state: str) -> None:
        super().__init__(
            f"'{ref}' is {state} and does not answer.",
            expected="a version that was not put aside",
            next_step="ropeway model list",
            ref=ref,
            state=state,
        )


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

    MODEL@ENVIRONMENT is what is live there, with the versions that share its traffic or are asked beside it;
    a change takes effect within a second. MODEL@NUMBER is one version. A bare MODEL is its newest version,
    approved or not: for trying out. What was rejected, retired or recalled does not answer.

    [serving] entity names the field that divides traffic: all rows of a customer, say, go to one version.
    A row without it, or with null or an empty text there, is dealt by itself, as all are where none is named.

    Each answer has an id and is logged before it leaves; POST /feedback takes what it should have been.
    Ctrl-C or SIGTERM stops without failing a request.
    """
    from ropeway.core.duration import parse_duration
    from ropeway.serving.service import serve as run
    from ropeway.serving.source import WorkspaceSource

    with face.local_workspace(f"serve {reference}") as workspace:
        root, home, project = workspace.root, workspace.home, workspace.project
        actor, clock = workspace.actor_name, workspace.clock
        _check_servable(workspace, reference)
    name, _, which = reference.partition("@")

    def ready(url: str, deployment: "Deployment") -> None:
        _say_ready(face, url, deployment)

    with face.user_code():
        run(
            WorkspaceSource(root, reference, actor=actor),
            home,
            model=name,
            environment=which if which in project.environments else "",
            columns=project.log.columns,
            carry=project.serving.carry,
            entity=project.serving.entity,
            segment_age=parse_duration(project.monitor.segment),
            clock=clock,
            host=host,
            port=port,
            body_bytes=int(max_body * MB),
            on_ready=ready,
        )


class _TakesNumbers(click.Command):
    """A command to which `-5` is a value and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click's own; only where there is a negative number are unknown options let through."""
        ctx.ignore_unknown_options = any(_NEGATIVE.match(word) for word in args)
        return super().parse_args(ctx, args)


@click.command(cls=_TakesNumbers)
@click.argument("prediction", metavar="ID")
@click.argument("value")
@click.option("--note", default="", help="Why; kept with it.")
@face_options
def feedback(face: Face, prediction: str, value: str, note: str) -> None:
    """Say what a prediction should have been: a class, or a number where the model predicts one.

    Saying it again keeps both; the latest holds.
    """
    from ropeway.core.ids import PredictionId
    from ropeway.predictions.errors import UnknownPrediction
    from ropeway.predictions.operations import find_prediction
    from ropeway.serving.errors import FeedbackMismatch
    from ropeway.serving.operations import say

    asked = PredictionId(prediction)
    try:
        with face.workspace() as workspace:
            found = find_prediction(workspace, prediction=asked)
            taken = say(workspace, prediction=asked, value=value, note=note)
    except UnknownPrediction as error:
        error.next_step = "take the id from the answer of the service: each answer carries one"
        raise
    except FeedbackMismatch as error:
        error.next_step = f"ropeway feedback {prediction} VALUE, with a value of that kind"
        raise
    verdict = "as it was" if taken.value == found.prediction else f"it answered {found.prediction}"
    face.emit(taken, lambda out: out.print(f"{taken.id}  {taken.value}  ({verdict}; {found.model})"))


@click.command()
@click.option("--port", type=PORT, default=7070, show_default=True, help="0 takes any free one.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="An address to listen on; beyond loopback only where the project has members.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which it is reached, as through a proxy; may be given again.",
)
@click.option(
    "--allow-execute", is_flag=True, help="Let callers run jobs that run your code, as the gate does."
)
@face_options
def server(face: Face, port: int, host: str, hosts: tuple[str, ...], allow_execute: bool) -> None:  # noqa: FBT001  click passes by name
    """Offer this project's workspace over HTTP: `ropeway --workspace URL` uses it, and so does any program.

    Without members it is open to every program on this machine, listens nowhere else, and what callers do is
    recorded under the name that they give; without one, under yours, or that of --as. From the first member
    on (`ropeway member add`) every request needs a token or a session, and what is done is recorded as that
    member's.
    """
    from ropeway.server.service import Listening, run_server
    from ropeway.workspace import open_local

    def ready(listening: Listening) -> None:
        url = listening.url
        said = {
            "url": url,
            "api": f"{url}/api/v1/",
            "docs": f"{url}/docs",
            "auth": "token" if listening.asks_who else "none",
        }
        face.emit(said, lambda out: out.print(f"{url}/docs   Ctrl-C stops"))
        for line in _who_may(listening):
            face.note(line)

    # Always the folder's own: the same ropeway.toml tells callers where this very server is.
    with open_local(face.project, actor=face.acting_as) as workspace, face.user_code():
        run_server(workspace, host=host, port=port, hosts=hosts, allow_execute=allow_execute, on_ready=ready)


def _who_may(listening: "Listening") -> list[str]:
    """Who is let in, in words."""
    if not listening.asks_who:
        return ["open to every program on this machine; ropeway member add NAME --role admin closes it"]
    lines = ["members only: each request needs a token (ropeway token issue)"]
    if listening.is_beyond_loopback:
        lines.append(
            "tokens travel as they are: put TLS before it (a proxy that ends TLS, this server on 127.0.0.1 "
            "with --allow-host NAME)"
        )
    return lines


def _check_servable(workspace: "Workspace", reference: str) -> None:
    """Refuse a version that was put aside; say of one that nobody approved that it is only to be tried.

    Raises:
        NotServable: it was rejected or retired. One that was recalled is refused where it would be loaded.
    """
    from ropeway.models.errors import NothingLive
    from ropeway.models.operations import resolve_version
    from ropeway.models.states import State

    try:
        version = resolve_version(workspace, ref=reference)
    except NothingLive:  # told, with the reason, where it is looked up to be loaded
        return
    if version.state in (State.REJECTED, State.RETIRED):
        raise NotServable(version.ref, version.state)
    if version.state in (State.CANDIDATE, State.VALIDATED):
        click.echo(f"{version.ref} is {version.state} and not approved: for trying out only", err=True)


def _say_ready(face: Face, url: str, deployment: "Deployment") -> None:
    import shlex

    import msgspec

    live = deployment.live
    row = {name: kind.example for name, kind in live.signature.kinds.items()}
    body = shlex.quote(msgspec.json.encode(row).decode())
    said = {"url": url, "model": live.ref, "docs": f"{url}/docs"}
    command = f"curl {url}/predict -H 'content-type: application/json' -d {body}"
    face.emit(said, lambda out: out.print(f"{live.ref} answers on {url}   docs: {url}/docs\n{command}"))
