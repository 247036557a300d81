"""MLflow's routes against the written policy, for every role and for who shows nothing."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from tests.server.matrix import LET_IN, POLICY, ROLES, Ask, Cast, Doorway, send

from ropeway.members.roles import ungranted
from ropeway.server.auth import Visitor
from ropeway.server.mlflow.artifacts import Place
from ropeway.server.mlflow.parts import PARTS
from ropeway.server.mlflow.routes import BARE, ENDPOINTS, ODD, PERMISSIONS, find
from ropeway.server.mlflow.uploads import GRANT, begin
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


@pytest.mark.parametrize("before", ["/api/3.0", "/ajax-api/2.0", "/ajax-api/3.0"])
def test_a_route_is_the_very_same_one_whatever_stands_before_it(before: str) -> None:
    """So what holds for `/api/2.0`, which is gone through above, holds for all."""
    for each in ENDPOINTS:
        path = re.sub(r"\{\w+\}", "x", each.path)
        found = find(each.method, path if path in BARE else f"/api/2.0{path}")
        assert found[0] is each
        assert path in BARE or find(each.method, before + path) == found
    assert find("POST", f"{before}{ODD}")[0] is find("POST", f"/api/2.0/{ODD}")[0]


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
        "/api/2.0/mlflow/gateway/routes",
        "/api/2.0mlflow/experiments/search",
        "/ajax-api/2.0/mlflow/runs/fetch",
    ],
)
def test_what_is_not_offered_is_refused_to_strangers_too(cast: Cast, path: str) -> None:
    app = MlflowDoorway(cast.workspace, OPERATIONS.values())
    got = [asyncio.run(send(app, cast, Ask(path, who, "GET", path), 1)) for who in ("nothing", "viewer")]
    assert got == [401, 501]


def test_a_part_of_a_file_is_let_in_by_its_own_grant_alone(cast: Cast) -> None:
    app = MlflowDoorway(cast.workspace, OPERATIONS.values())
    ours, other = (begin(cast.workspace, Place("0" * 32, "", "x"), 2) for _ in range(2))
    path = f"/api/2.0{PARTS}/{ours.upload}/1"

    def asked(grant: str, to: str = path, method: str = "PUT", who: str = "nothing") -> int:
        cast.headers["shown"] = [*cast.headers[who], (GRANT.encode(), grant.encode())]
        return asyncio.run(send(app, cast, Ask(to, "shown", method, to), 1))

    assert asked(ours.grant) == LET_IN
    assert {asked(each) for each in ("", "x", ours.upload, other.grant)} == {401}
    elsewhere = (f"/api/2.0{PARTS}/{other.upload}/1", f"{path}/x", "/api/2.0/mlflow/runs/get", "/api/v1/me")
    assert {asked(ours.grant, each) for each in elsewhere} == {401}
    assert {asked(ours.grant, method=each) for each in ("GET", "POST", "DELETE")} == {401}
    assert asked(ours.grant, who="revoked") == 401
    assert (asked("", who="contributor"), asked("", who="viewer")) == (LET_IN, 403)
