"""A team with tokens: the whole line from two folders, and what a token that is not good gets."""

from collections.abc import Callable
from pathlib import Path

import pytest
from models_projects import HALVES_PIPELINE, HALVES_TOML

from ropeway.data.add import add
from ropeway.members.operations import add_member, grant_role, issue_for, list_members, revoke_any
from ropeway.members.roles import Role
from ropeway.members.secrets import TOKEN, draw
from ropeway.models.errors import SourceNotApproved
from ropeway.models.operations import approve_model, gate_model, get_model, promote_model, trust_source
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.server.errors import SignInRequired, TokenRefused
from ropeway.story.operations import status, why
from ropeway.workspace import LocalWorkspace, OpenWorkspace
from ropeway.workspace.errors import PermissionDenied
from ropeway.workspace.operations import list_events

Caller = Callable[..., OpenWorkspace]
FILES = {"pipeline.py": HALVES_PIPELINE.format("low", "high")}
ROWS = ["id,x,label", *(f"{row},{row / 4},{'low' if row < 120 else 'high'}" for row in range(240))]
TEAM: dict[str, Role] = {"root": "admin", "ana": "contributor", "ben": "approver"}


class Team:
    """A server that asks for tokens, and the people who have one."""

    def __init__(self, root: Path, url: str, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.url = root, url
        self._caller, self._monkeypatch = caller, monkeypatch
        with LocalWorkspace(root, actor="root") as workspace:
            for name, role in TEAM.items():
                add_member(workspace, name=name, role=role)
        self.tokens = {name: self.issue(name) for name in TEAM}

    def issue(self, name: str) -> str:
        """Another token for a member."""
        secret = draw(TOKEN)
        with LocalWorkspace(self.root, actor="root") as workspace:
            issue_for(workspace, name=name, token=secret.id, digest=secret.digest)
        return secret.text

    def open(self, name: str, *, token: str | None = None, **files: str) -> OpenWorkspace:
        """The workspace from a folder of their own, with their token or another."""
        token = self.tokens.get(name, "") if token is None else token
        with self._monkeypatch.context() as patch:
            patch.setenv("ROPEWAY_TOKEN", token)
            return self._caller(self.url, name, toml=HALVES_TOML, **files)


@pytest.fixture
def team(serve, caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "config"))
    server = serve(HALVES_TOML)
    return Team(server.root, server.url, caller, monkeypatch)


@pytest.mark.slow
def test_two_members_go_the_whole_line_each_as_their_role_allows(team: Team) -> None:
    ana, ben, root = team.open("ana", **FILES), team.open("ben"), team.open("root")
    data = ana.root / "numbers.csv"
    data.write_text("\n".join(ROWS) + "\n")
    add(ana, data, name="numbers")
    run_pipeline(ana)
    ref = register(ana).ref
    # Who may decide which code runs has read it; only then is it run to be judged.
    with pytest.raises(SourceNotApproved):
        gate_model(ana, ref=ref)
    trust_source(ben, source=get_model(ben, ref=ref).version.source)
    assert gate_model(ana, ref=ref).passed
    with pytest.raises(PermissionDenied, match=r"models\.approve"):
        approve_model(ana, ref=ref)
    approve_model(ben, ref=ref, note="seen")
    with pytest.raises(PermissionDenied, match=r"models\.promote"):
        promote_model(ben, ref=ref)
    grant_role(root, name="ben", role="operator")
    promote_model(ben, ref=ref)
    assert status(ana).live[0].ref == ref
    assert why(ben, ref=ref).thing.title
    who = {each.verb: (each.by, each.auth) for each in list_events(ben, limit=1000)}
    assert who["model-registered"] == ("ana", "token")
    assert (who["model-approved"], who["model-promoted"]) == (("ben", "token"), ("ben", "token"))


def test_a_token_that_was_revoked_ends_an_open_workspace_and_changes_nothing(team: Team) -> None:
    ana, root = team.open("ana"), team.open("root")
    rows = ana.root / "rows.csv"
    rows.write_text("id\n1\n")
    assert len(list_members(ana)) == len(TEAM)
    before = len(list_events(root, limit=1000))
    revoke_any(root, token=team.tokens["ana"].split("_")[1])
    with pytest.raises(TokenRefused):
        list_members(ana)
    with pytest.raises(TokenRefused):
        add(ana, rows, name="rows")
    assert [each.verb for each in list_events(root, limit=1000)][before:] == ["token-revoked"]


@pytest.mark.parametrize("token", ["rw_none_of_this_servers", "", "rw_"], ids=["wrong", "none", "half"])
def test_a_token_that_is_not_good_is_let_in_nowhere(team: Team, token: str) -> None:
    with pytest.raises((TokenRefused, SignInRequired)) as raised:
        list_events(team.open("ana", token=token))
    assert team.tokens["ana"] not in str(raised.value.to_dict())
    assert raised.value.next_step


def test_the_name_that_a_caller_gives_does_not_make_them_somebody_else(team: Team) -> None:
    ana = team.open("root", token=team.tokens["ana"])
    with pytest.raises(PermissionDenied):
        grant_role(ana, name="ana", role="admin")
