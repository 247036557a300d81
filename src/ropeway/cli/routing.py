"""`ropeway model route`: divide an environment's traffic by hand, or see how it is divided."""

from typing import TYPE_CHECKING

import click

from ropeway.cli.face import Face, face_options

if TYPE_CHECKING:
    from rich.console import Console

    from ropeway.models.routing import Routing


@click.command()
@click.argument("name")
@click.option("--to", "environment", default="production", show_default=True, help="The environment.")
@click.option(
    "--arm",
    "arms",
    multiple=True,
    metavar="MODEL@VERSION=SHARE",
    help="Give a version a share of the traffic, such as mood@4=0.1; may be repeated.",
)
@click.option(
    "--shadow",
    "shadows",
    multiple=True,
    metavar="MODEL@VERSION",
    help="Ask a version beside whoever answers, and answer nobody with it; may be repeated.",
)
@click.option("--all-live", is_flag=True, help="Give all of it to the live version again.")
@click.option("--reason", help="Why; it is kept.")
@face_options
def route(
    face: Face,
    name: str,
    environment: str,
    arms: tuple[str, ...],
    shadows: tuple[str, ...],
    all_live: bool,  # noqa: FBT001  click passes by name
    reason: str | None,
) -> None:
    """Divide traffic by hand; with neither arms nor shadows, show how it is divided.

    This ends a rollout that is on its way there: what it measures would not be its own any more.
    """
    from ropeway.models.operations import get_routing, route_traffic

    if all_live and (arms or shadows):
        raise click.UsageError("--all-live leaves nothing for --arm and --shadow.")
    shares = dict(_arm(text) for text in arms)
    with face.workspace() as workspace:
        before = get_routing(workspace, name=name, environment=environment)
        routing = before
        if arms or shadows or all_live:
            routing = route_traffic(
                workspace,
                name=name,
                environment=environment,
                arms=shares,
                shadows=list(shadows),
                reason=reason,
            )
    overtaken = before.rollout if before.rollout != routing.rollout else ""
    face.emit(routing, lambda out: _draw(out, routing, overtaken))


def _arm(text: str) -> tuple[str, float]:
    ref, mark, share = text.partition("=")
    try:
        return ref, float(share[:-1]) / 100 if share.endswith("%") else float(share)
    except ValueError:
        said = f"'{text}' gives no share" if mark else f"'{text}' lacks its share"
        raise click.BadParameter(f"{said}; write MODEL@VERSION=0.1.", param_hint="--arm") from None


def _draw(out: "Console", routing: "Routing", overtaken: str) -> None:
    from ropeway.cli import draw

    if routing.live is None:
        out.print(f"No version of {routing.name} is live in {routing.environment}.")
        return
    rest = 1 - sum(arm.share for arm in routing.arms)
    rows: list[tuple[draw.Cell, ...]] = [(routing.live, draw.badge("live"), draw.meter(rest), f"{rest:.1%}")]
    rows += [
        (arm.ref, draw.badge("running", "arm"), draw.meter(arm.share), f"{arm.share:.1%}")
        for arm in routing.arms
    ]
    rows += [(ref, draw.badge("skipped", "asked beside"), "", "") for ref in routing.shadows]
    draw.table(out, ["version", "part", "traffic", draw.Column("share", right=True)], rows)
    if routing.rollout:
        out.print(f"\nby rollout {routing.rollout}")
        draw.next_step(out, f"ropeway rollout {routing.name}")
    if overtaken:
        out.print(f"\nThe rollout {overtaken} is overtaken by this, and will end so.")
