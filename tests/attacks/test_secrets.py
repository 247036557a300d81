"""C6: there is nothing to guess, nothing to find, and nothing that opens anything lies about.

That neither server listens beyond loopback without members is in `tests/server/test_service.py` and
`tests/serving/test_deploy.py`; how wrong tokens are counted, in `tests/server/test_auth.py`.
"""

import base64
import re
from pathlib import Path

import pytest
from tests.attacks.town import OCTETS, Town, bearer
from tests.server.conftest import Server

from ropeway.members.operations import add_member
from ropeway.members.secrets import TOKEN, Secret, draw, parse
from ropeway.server.attempts import MAX_WRONG
from ropeway.testing import make_workspace

HERE = Path(__file__).parents[2]
USERS = ("admin", "root", "ropeway", "user", "test", "ana", "mlflow", "")
PASSWORDS = ("admin", "password", "password1234", "ropeway", "changeme", "secret", "")
BARE = ("rw_", "rws_", "null", "undefined", "admin", f"rw_{'0' * 12}_{'0' * 52}", f"rw_{'a' * 12}_{'a' * 52}")
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bghp_\w{36}|\bxox[bp]-\w{10}|\bsk-\w{32}"
    r"|\bPRIVATE\+KEY\+\w{6}|\brws?_[0-9a-z]{12}_[0-9a-z]{52}"
    r"|(?i:password|passwd|secret|api_key|token)\s*[:=]\s*[\"'][^\"'\s{}<]{8,}[\"']"
)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_fresh_project_has_no_credential_that_anybody_could_guess(tmp_path: Path) -> None:
    with make_workspace(tmp_path) as workspace:
        add_member(workspace, name="ana", role="admin")
        server = Server(workspace)
        guesses = [basic(user, password) for user in USERS for password in PASSWORDS]
        guesses += [f"Bearer {each}" for each in BARE]
        for guess in guesses:
            reply = server.client.get("/api/v1/me", headers={"authorization": guess})
            assert reply.status_code in (401, 429), guess
        server.stop()


def test_what_is_shipped_holds_no_secret() -> None:
    shipped = [*(HERE / "src").rglob("*"), *HERE.glob("*.toml"), *(HERE / "examples").rglob("*")]
    texts = [path for path in shipped if path.is_file() and "__pycache__" not in path.parts]
    assert len(texts) > 400
    found = {
        f"{path.relative_to(HERE)}: {match[0]}"
        for path in texts
        for match in SECRETS.finditer(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert found == set()


def test_a_known_id_with_a_wrong_secret_is_answered_as_an_unknown_one(town: Town) -> None:
    known = parse(town.tokens["viewer"], TOKEN)
    assert known is not None
    half = Secret(TOKEN, known.id, draw(TOKEN).secret)
    replies = [town.ask("GET", "/api/v1/me", each.text) for each in (half, draw(TOKEN))]
    answers = [(each.status_code, each.content, {**each.headers, "date": ""}) for each in replies]
    assert answers[0] == answers[1]


def test_wrong_sessions_and_forwarded_addresses_count_as_wrong_tokens_do(tmp_path: Path) -> None:
    town = Town(tmp_path)
    cookie = f"ropeway_session=rws_{'0' * 12}_{'0' * 52}"
    statuses = [
        town.ask(
            "GET", "/api/v1/me", headers={"cookie": cookie, "x-forwarded-for": f"10.0.0.{number}"}
        ).status_code
        for number in range(MAX_WRONG + 2)
    ]
    town.close()
    assert statuses == [401] * MAX_WRONG + [429] * 2


@pytest.fixture
def spent(tmp_path: Path) -> tuple[Path, list[str]]:
    """The folder of a team that has worked, and every token and session that was shown to its server."""
    town = Town(tmp_path)
    fresh = draw(TOKEN)
    town.call("tokens.issue", "viewer", token=fresh.id, digest=fresh.digest, label="laptop")
    session = town.ask("POST", "/api/v1/session", "admin").headers["set-cookie"]
    town.ask("PUT", "/api/v1/objects", "contributor", content=b"x", headers=OCTETS)
    town.call("models.promote", "viewer", ref="a@1")
    town.server.client.get(f"/api/v1/me?token={fresh.text}", headers=bearer("rw_wrong"))
    town.close()
    return tmp_path, [*town.tokens.values(), fresh.text, session.partition("=")[2].partition(";")[0]]


def test_nothing_that_a_server_keeps_opens_it(spent: tuple[Path, list[str]]) -> None:
    folder, shown = spent
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert len(kept) > 10_000
    for each in shown:
        assert each.rpartition("_")[2].encode() not in kept
    assert shown[0].split("_")[1].encode() in kept, "its id is no secret, and is how it is found"
