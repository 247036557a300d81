"""Which versions share an environment's traffic: the live one, arms with shares, shadows that never answer.

Here is what the registry says of it; who divides requests by it is `serving`.
"""

import json
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.ids import new_id
from ropeway.models import registry
from ropeway.models.errors import BadRouting, NothingLive
from ropeway.models.events import Arm, TrafficRouted
from ropeway.models.projections import route
from ropeway.models.registry import ModelVersion
from ropeway.models.states import State
from ropeway.workspace import Context, Project

MAY_ANSWER = frozenset({State.APPROVED, State.LIVE})
MAY_SHADOW = frozenset({State.VALIDATED, State.APPROVED, State.LIVE})


class RoutedArm(msgspec.Struct, frozen=True, kw_only=True):
    """A version beside the live one, and its share of the traffic, over 0 and under 1."""

    ref: str
    share: float


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """How an environment's traffic is divided now. `live` gets what the arms leave."""

    name: str
    environment: str
    live: str | None
    arms: list[RoutedArm] = []
    shadows: list[str] = []
    salt: str = ""
    rollout: str = ""


def routing_of(read: Connection, project: Project, name: str, environment: str) -> Routing:
    """How traffic is divided now; a version that may answer no longer has fallen out.

    Raises:
        UnknownEnvironment: the project file does not declare it.
    """
    registry.check_environment(project, environment)
    return recorded_routing(read, name, environment)


def recorded_routing(read: Connection, name: str, environment: str) -> Routing:
    """As `routing_of`, whatever the project file says: going back must not wait until that is sound."""
    number = registry.number_in(read, name, environment)
    if number is None:
        return Routing(name=name, environment=environment, live=None)
    live = f"{name}@{number}"
    row = read.execute(
        select(route).where((route.c.name == name) & (route.c.environment == environment))
    ).first()
    if row is None:
        return Routing(name=name, environment=environment, live=live)
    arms = [
        RoutedArm(ref=f"{name}@{number}", share=share)
        for number, share in json.loads(row.arms)
        if registry.get(read, name, number).state in MAY_ANSWER
    ]
    shadows = [
        f"{name}@{number}"
        for number in json.loads(row.shadows)
        if registry.get(read, name, number).state in MAY_SHADOW
    ]
    return Routing(
        name=name,
        environment=environment,
        live=live,
        arms=arms,
        shadows=shadows,
        salt=row.salt,
        rollout=row.rollout,
    )


def route_in(
    context: Context,
    *,
    name: str,
    environment: str,
    arms: Mapping[str, float],
    shadows: Sequence[str],
    salt: str = "",
    rollout: str = "",
    reason: str | None = None,
) -> Routing:
    """Divide an environment's traffic, inside the caller's write transaction.

    Giving all of it back to the live version asks nothing of the project file.

    Args:
        context: the call; its write transaction is begun.
        name: the model.
        environment: where.
        arms: versions with their shares; the live version gets the rest.
        shadows: versions that are asked beside whoever answers.
        salt: decides who falls to which arm; the same salt keeps everybody where they are. A fresh one
            when empty.
        rollout: on whose behalf.
        reason: in words.

    Raises:
        NothingLive: no version is live there.
        BadRouting: shares that are not shares, or a version that may not answer.
    """
    context.begin()
    if arms or shadows:
        registry.check_environment(context.project, environment)
    live = registry.number_in(context.read, name, environment)
    if live is None:
        raise NothingLive(name, environment)
    if any(not 0 < share < 1 for share in arms.values()) or sum(arms.values()) >= 1:
        raise BadRouting(name, "the shares are " + ", ".join(f"{share:g}" for share in arms.values()))
    answering = [_checked(context, name, ref, MAY_ANSWER, live) for ref in arms]
    shadowing = [_checked(context, name, ref, MAY_SHADOW, live, part="answers already") for ref in shadows]
    context.append(
        TrafficRouted(
            name=answering[0].name if answering else registry.get(context.read, name, live).name,
            environment=environment,
            live=live,
            arms=[
                Arm(number=version.number, share=share)
                for version, share in zip(answering, arms.values(), strict=True)
            ],
            shadows=[version.number for version in shadowing],
            salt=salt or new_id("salt"),
            rollout=rollout,
            reason=reason,
        )
    )
    return recorded_routing(context.read, name, environment)


def _checked(
    context: Context,
    name: str,
    ref: str,
    allowed: frozenset[State],
    live: int,
    part: str = "gets what the others leave",
) -> ModelVersion:
    version = registry.resolve(context.read, context.project, ref)
    if version.name != name:
        raise BadRouting(name, f"'{version.ref}' is another model")
    if version.number == live:
        raise BadRouting(name, f"'{version.ref}' is live there and {part}")
    if version.state not in allowed:
        raise BadRouting(name, f"'{version.ref}' is {version.state.value}")
    return version
