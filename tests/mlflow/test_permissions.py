"""MLflow's routes against the written policy, for every role and for who shows nothing."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.server.matrix import LET_IN, POLICY, ROLES, Ask, Cast, Doorway, send

from ropeway.members.roles import ungranted
from ropeway.server.auth import Visitor
from ropeway.server.mlflow.routes import ENDPOINTS, PERMISSIONS
from ropeway.serving.door import Receive, Scope, Send, reply
from ropeway.workspace.operation import OPERATIONS

LOWEST = POLICY["mlflow"]


class MlflowDoorway(Doorway):
    """The server up to the moment at which a request of MLflow's is permitted."""

    async def _answer(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        self._permitted_mlflow(visitor, scope)
        await reply(send, LET_IN, b"")


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    made = Cast(tmp_path_factory.mktemp("cast"))
    yield made
    made.workspace.close()


def test_the_policy_names_every_route_of_mlflow_and_no_other() -> None:
    assert set(LOWEST) == {each.name for each in ENDPOINTS}
    assert ungranted(PERMISSIONS) == []


def test_every_route_of_mlflow_answers_everybody_as_the_policy_says(cast: Cast) -> None:
    app = MlflowDoorway(cast.workspace, OPERATIONS.values())
    asks = [
        Ask(name, who, name.split()[0], name.split()[1].replace("{", "m-").replace("}", ""))
        for name in LOWEST
        for who in ("nothing", "unknown", "revoked", *ROLES, "admin read only")
    ]

    async def go() -> list[str]:
        return [
            f"{ask.route} as {ask.who}: {got}"
            for number, ask in enumerate(asks)
            if (got := await send(app, cast, ask, number)) != expected(ask)
        ]

    assert asyncio.run(go()) == []


def expected(ask: Ask) -> int:
    least = LOWEST[ask.route]
    if ask.who in ("nothing", "unknown", "revoked"):
        return 401
    if ask.who == "admin read only":
        return LET_IN if least == "viewer" else 403
    return LET_IN if ROLES.index(ask.who) >= ROLES.index(least) else 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/scorers/list",
        "/api/2.0mlflow/experiments/search-datasets",
        "/ajax-api/2.0/mlflow/runs/get",
    ],
)
def test_what_is_not_offered_is_refused_to_strangers_too(cast: Cast, path: str) -> None:
    app = MlflowDoorway(cast.workspace, OPERATIONS.values())
    got = [asyncio.run(send(app, cast, Ask(path, who, "GET", path), 1)) for who in ("nothing", "viewer")]
    assert got == [401, 501]
