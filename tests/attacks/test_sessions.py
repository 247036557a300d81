"""C12: what was taken away is gone at the next request, on every replica, whatever the clocks say.

One replica and its sessions are tried in `tests/server/test_session.py`, tokens by themselves in
`tests/members`; here two servers share one PostgreSQL.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.town import Town
from tests.postgres import PostgresServer
from tests.server.conftest import Server
from tests.server.test_auth import issue

from ropeway.members.operations import grant_role, remove_member, revoke_any
from ropeway.members.secrets import TOKEN, Secret, parse
from ropeway.testing import MINIMAL_PROJECT, FixedClock
from ropeway.workspace import LocalWorkspace

HOUR_S = 3600.0


class Pair:
    """Two servers with one ledger in PostgreSQL, each with a clock of its own."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        toml = f'{MINIMAL_PROJECT}\n[workspace]\nledger = "{postgres.schema()}"\n'
        self.clocks = (FixedClock(), FixedClock())
        self.first = Town(folder / "first", toml, clock=self.clocks[0])
        (folder / "second").mkdir()
        (folder / "second" / "ropeway.toml").write_text(toml)
        self.other = LocalWorkspace(folder / "second", actor="ana", clock=self.clocks[1])
        self.second = Server(self.other)

    def seen(self, **headers: str) -> list[int]:
        """The status that each replica answers with."""
        return [
            server.client.get("/api/v1/me", headers=headers).status_code
            for server in (self.first.server, self.second)
        ]

    def of(self, token: str) -> list[int]:
        """The same for a token."""
        return self.seen(authorization=f"Bearer {token}")

    def close(self) -> None:
        self.second.stop()
        self.other.close()
        self.first.close()


@pytest.fixture
def pair(tmp_path: Path, postgres: PostgresServer) -> Iterator[Pair]:
    made = Pair(tmp_path, postgres)
    yield made
    made.close()


def id_of(token: str) -> str:
    return token.split("_")[1]


def cookie(server: Server, token: str) -> str:
    reply = server.client.post("/api/v1/session", headers={"authorization": f"Bearer {token}"})
    server.client.cookies.clear()
    return str(reply.headers["set-cookie"]).partition(";")[0]


@pytest.mark.slow
def test_a_token_that_is_revoked_on_one_replica_is_over_on_both_and_so_is_its_session(pair: Pair) -> None:
    token = issue(pair.other, "viewer")
    session = cookie(pair.second, token)
    assert (pair.of(token), pair.seen(cookie=session)) == ([200, 200], [200, 200])
    revoke_any(pair.first.workspace, token=id_of(token))
    assert (pair.of(token), pair.seen(cookie=session)) == ([401, 401], [401, 401])


@pytest.mark.slow
def test_a_role_that_changes_and_a_member_who_goes_change_both(pair: Pair) -> None:
    token = pair.first.tokens["operator"]
    session = cookie(pair.first.server, token)

    def asked() -> list[int]:
        ask = {"json": {"ref": "none@1"}, "headers": {"authorization": f"Bearer {token}"}}
        return [
            server.client.post("/api/v1/models.promote", **ask).status_code
            for server in (pair.first.server, pair.second)
        ]

    assert asked() == [404, 404]
    grant_role(pair.other, name="operator", role="viewer")
    assert asked() == [403, 403]
    remove_member(pair.first.workspace, name="operator")
    assert (pair.of(token), pair.seen(cookie=session)) == ([401, 401], [401, 401])


@pytest.mark.slow
def test_a_token_that_was_rotated_leaves_the_new_one_alone(pair: Pair) -> None:
    old = pair.first.tokens["viewer"]
    new = issue(pair.other, "viewer")
    revoke_any(pair.other, token=id_of(old), reason="rotated")
    assert (pair.of(old), pair.of(new)) == ([401, 401], [200, 200])


@pytest.mark.slow
def test_a_replica_whose_clock_is_an_hour_behind_takes_nothing_that_history_has_outlived(pair: Pair) -> None:
    token = issue(pair.first.workspace, "viewer", lasts="30m")
    session = cookie(pair.first.server, token)
    pair.clocks[1].advance(seconds=-HOUR_S)
    assert pair.of(token) == [200, 200]
    pair.clocks[0].advance(seconds=HOUR_S)
    grant_role(pair.first.workspace, name="contributor", role="approver")
    assert (pair.of(token), pair.seen(cookie=session)) == ([401, 401], [401, 401])
    pair.clocks[0].advance(seconds=-2 * HOUR_S)
    assert pair.of(token) == [401, 401], "set back, the clock brings nothing back"


@pytest.mark.slow
def test_a_clock_an_hour_ahead_ends_what_is_over_by_it_and_begins_nothing_longer(pair: Pair) -> None:
    token = issue(pair.first.workspace, "viewer", lasts="30m")
    pair.clocks[1].advance(seconds=HOUR_S)
    assert pair.of(token) == [200, 401]
    session = cookie(pair.first.server, token)
    pair.clocks[0].advance(seconds=31 * 60)
    assert (pair.of(token), pair.seen(cookie=session)) == ([401, 401], [401, 401])


def test_a_token_with_any_character_changed_opens_nothing(town: Town) -> None:
    token = town.tokens["viewer"]
    found = parse(token, TOKEN)
    assert found is not None
    changed = [f"{token[:at]}{'0' if token[at] != '0' else '1'}{token[at + 1 :]}" for at in range(len(token))]
    changed += [
        token.upper(),
        token[:-1],
        token + "0",
        f"{token} {token}",
        f"{token}\u00a0",
        f"rws{token[2:]}",
    ]
    changed += [Secret(TOKEN, found.id, found.digest[:52]).text, found.digest, f"rw_{found.id}_"]
    for each in changed:
        headers = {"authorization": f"Bearer {each}".encode()}
        status = town.server.client.get("/api/v1/me", headers=headers).status_code
        assert status in (401, 429), each
    assert town.ask("GET", "/api/v1/me", token).status_code == 200


def test_a_token_of_another_workspace_opens_nothing_even_under_a_known_name(
    town: Town, tmp_path: Path
) -> None:
    other = Town(tmp_path)
    for role, token in other.tokens.items():
        assert town.ask("GET", "/api/v1/me", token).status_code in (401, 429), role
        assert other.ask("GET", "/api/v1/me", token).json()["role"] == role
    other.close()
