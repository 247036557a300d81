"""`ropeway webhooks`: addresses that are told of what happens to models."""

import os
from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.webhooks.records import Hook, Trial

SECRET_BYTES = 32
UNAVAILABLE_EXIT = 6
_on = click.option(
    "--on", "topics", multiple=True, metavar="TOPIC", help="Of what, such as model_version.created."
)


@click.group()
def webhooks() -> None:
    """Addresses that `ropeway server` tells of what happens to models: signed, in order, at least once.

    An address is https and public, unless `allow` under [webhooks] in ropeway.toml names its host.
    """


@webhooks.command("list")
@face_options
def list_all(face: Face) -> None:
    """List the webhooks, the newest first, and how it goes with each."""
    from ropeway.webhooks.operations import list_webhooks

    with face.workspace() as workspace:
        found = list_webhooks(workspace)
    face.emit(found, lambda out: _draw(out, found))


@webhooks.command("add")
@click.argument("name")
@click.argument("url")
@_on
@click.option(
    "--secret-env", metavar="VARIABLE", help="Sign with the text of this variable (default: a new secret)."
)
@click.option("--about", default="", metavar="TEXT", help="What it is for.")
@face_options
def add(face: Face, name: str, url: str, topics: tuple[str, ...], secret_env: str | None, about: str) -> None:
    """Tell an address of what happens from now on. The secret that signs is shown once, here.

    Receivers verify X-MLflow-Signature: `v1,` and base64 of HMAC-SHA256 over DELIVERY-ID.TIMESTAMP.BODY.
    """
    import secrets

    from ropeway.webhooks.errors import WebhookInvalid
    from ropeway.webhooks.operations import add_webhook
    from ropeway.webhooks.topics import EXAMPLES

    secret = secrets.token_urlsafe(SECRET_BYTES) if secret_env is None else os.environ.get(secret_env, "")
    if not secret:
        raise WebhookInvalid("secret", f"${secret_env}", "a variable that holds one")
    with face.workspace() as workspace:
        made = add_webhook(
            workspace, name=name, url=url, topics=list(topics or EXAMPLES), description=about, secret=secret
        )
    shown = secret if secret_env is None else None
    face.emit({"webhook": made, "secret": shown}, lambda out: _draw_added(out, name, shown))


@webhooks.command("remove")
@click.argument("name")
@face_options
def remove(face: Face, name: str) -> None:
    """Tell an address nothing more, by its name or its id. Its secret is forgotten."""
    from ropeway.webhooks.operations import find_webhook, remove_webhook

    with face.workspace() as workspace:
        removed = remove_webhook(workspace, webhook=find_webhook(workspace, name=name).id)
    face.emit(removed, lambda out: out.print(f"{name} is told nothing more"))


@webhooks.command("test")
@click.argument("name")
@click.option("--on", "topic", default="", metavar="TOPIC", help="An example of this (default: its first).")
@face_options
def test(face: Face, name: str, topic: str) -> None:
    """Send an address an example, once, and say what it answered."""
    from ropeway.webhooks.operations import find_webhook, try_webhook

    with face.workspace() as workspace:
        tried = try_webhook(workspace, webhook=find_webhook(workspace, name=name).id, topic=topic)
    face.emit(tried, lambda out: _draw_trial(out, name, tried))
    if not tried.success:
        raise SystemExit(UNAVAILABLE_EXIT)


def _draw(out: "Console", found: "list[Hook]") -> None:
    from ropeway.cli import draw

    if not found:
        out.print("no webhooks")
        draw.next_step(out, "ropeway webhooks add NAME https://…")
        return
    rows = [
        [
            each.name,
            draw.badge("refused" if each.fails else "ok" if each.is_active else "skipped", _state(each)),
            each.url,
            " ".join(each.topics),
            each.says or None,
        ]
        for each in found
    ]
    grow = draw.Column("topics", grow=True)
    draw.table(out, ["name", "state", "address", grow, draw.Column("says", grow=True)], rows)


def _state(hook: "Hook") -> str:
    if not hook.is_active:
        return "asleep"
    return f"failed {hook.fails}x" if hook.fails else "active"


def _draw_added(out: "Console", name: str, secret: str | None) -> None:
    from ropeway.cli import draw

    if secret is not None:
        # By itself on a line, whole, however narrow the terminal is.
        out.print(secret, soft_wrap=True)
        draw.facts(out, [("secret of", name), ("shown", "now and never again")])
    draw.next_step(out, f"ropeway webhooks test {name}")


def _draw_trial(out: "Console", name: str, tried: "Trial") -> None:
    out.print(f"{name} answered {tried.status}" if tried.success else tried.error)
