"""Tokens: drawn by whom they serve, kept as a digest, narrow, over in time, revoked at once."""

import pytest

from ropeway.core.clock import to_text
from ropeway.members.access import Access, by_session, by_token
from ropeway.members.errors import BadLifetime, BadToken, TokenExists, UnknownPermission, UnknownToken
from ropeway.members.operations import (
    add_member,
    grant_role,
    issue_for,
    issue_own,
    list_all_tokens,
    list_own_tokens,
    remove_member,
    revoke_any,
    revoke_own,
)
from ropeway.members.secrets import SESSION, TOKEN, Secret, draw, parse
from ropeway.members.sessions import MAX_SESSIONS, begin_session, end_session, note_use
from ropeway.testing import FixedClock
from ropeway.workspace import Caller, LocalWorkspace
from ropeway.workspace.errors import BadArguments


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def team(project, clock: FixedClock) -> LocalWorkspace:
    """As ana, who is admin; ben is contributor."""
    workspace = project(clock=clock)
    add_member(workspace, name="ana", role="admin")
    add_member(workspace, name="ben", role="contributor")
    return workspace


def issue(workspace: LocalWorkspace, name: str = "ben", **wish: object) -> Secret:
    secret = draw(TOKEN)
    issue_for(workspace, name=name, token=secret.id, digest=secret.digest, **wish)
    return secret


def known(workspace: LocalWorkspace, text: str) -> Access | None:
    now = to_text(workspace.clock.now())
    with workspace.ledger.reading() as read:
        return by_token(read, text, now) or by_session(read, text, now)


def test_a_token_opens_as_its_member_with_what_their_role_may(team: LocalWorkspace) -> None:
    access = known(team, issue(team).text)
    assert (access.caller.name, access.role, access.caller.auth) == ("ben", "contributor", "token")
    assert access.caller.may("data:write")
    assert not access.caller.may("models:approve")


def test_nothing_that_is_kept_opens_anything(team: LocalWorkspace) -> None:
    secrets = [issue(team) for _ in range(20)]
    session, _ = begin_session(team.ledger, known(team, secrets[0].text), team.clock)
    team.close()
    kept = b"".join(path.read_bytes() for path in team.home.rglob("*") if path.is_file())
    for each in (*secrets, session):
        assert each.text.encode() not in kept
        assert each.secret.encode() not in kept


def test_a_token_of_another_form_or_with_another_secret_opens_nothing(team: LocalWorkspace) -> None:
    right = issue(team)
    other = Secret(TOKEN, right.id, draw(TOKEN).secret)
    for text in ("", "rw_", "x" * 10_000, right.text[:-1], right.text + "0", right.text.upper(), other.text):
        assert known(team, text) is None
    assert known(team, f"rws_{right.id}_{right.secret}") is None
    assert known(team, right.text) is not None


def test_a_role_that_changes_changes_what_a_token_opens(team: LocalWorkspace) -> None:
    token = issue(team).text
    grant_role(team, name="ben", role="viewer")
    assert not known(team, token).caller.may("data:write")
    remove_member(team, name="ben")
    assert known(team, token) is None
    add_member(team, name="ben", role="admin")
    assert known(team, token) is None, "who comes back gets new tokens"


def test_a_narrowed_token_stays_narrow_when_its_member_rises(team: LocalWorkspace) -> None:
    token = issue(team, role="contributor", only=["data:read", "models:approve"]).text
    grant_role(team, name="ben", role="admin")
    assert known(team, token).caller.allowed == {"data:read", "server:health", "server:describe"}


def test_a_token_is_over_in_time_and_a_clock_that_is_set_back_does_not_bring_it_back(
    team: LocalWorkspace, clock: FixedClock
) -> None:
    token = issue(team, lasts="1h").text
    clock.advance(seconds=3599)
    assert known(team, token) is not None
    clock.advance(seconds=1)
    assert known(team, token) is None
    grant_role(team, name="ben", role="viewer")
    clock.advance(seconds=-7200)
    assert known(team, token) is None


def test_a_revoked_token_opens_nothing_nor_does_a_session_that_began_with_it(team: LocalWorkspace) -> None:
    token = issue(team)
    session, _ = begin_session(team.ledger, known(team, token.text), team.clock)
    assert known(team, session.text).caller.auth == "session"
    assert revoke_any(team, token=token.id, reason="lost") == [token.id]
    assert (known(team, token.text), known(team, session.text)) == (None, None)
    assert revoke_any(team, token=token.id) == []


def test_what_was_issued_with_a_token_can_be_revoked_with_it(team: LocalWorkspace) -> None:
    stolen = issue(team)
    thief = team.acting(known(team, stolen.text).caller)
    child = draw(TOKEN)
    issue_own(thief, token=child.id, digest=child.digest)
    assert revoke_any(team, token=stolen.id, and_issued=True) == [stolen.id, child.id]
    assert known(team, child.text) is None


def test_one_sees_and_revokes_ones_own_tokens_only(team: LocalWorkspace) -> None:
    of_ana, of_ben = issue(team, "ana"), issue(team)
    ben = team.acting(known(team, of_ben.text).caller)
    assert [each.id for each in list_own_tokens(ben)] == [of_ben.id]
    assert len(list_all_tokens(team)) == 2
    with pytest.raises(UnknownToken, match=of_ana.id):
        revoke_own(ben, token=of_ana.id)
    assert revoke_own(ben, token=of_ben.id) == [of_ben.id]


def test_issuing_the_same_again_issues_one_and_another_under_its_id_is_refused(team: LocalWorkspace) -> None:
    secret = draw(TOKEN)
    first = issue_own(team, token=secret.id, digest=secret.digest)
    assert issue_own(team, token=secret.id, digest=secret.digest) == first
    with pytest.raises(TokenExists, match=secret.id):
        issue_own(team, token=secret.id, digest="0" * 64)
    assert len(list_own_tokens(team)) == 1


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"lasts": "367d"}, BadLifetime),
        ({"lasts": "0s"}, BadLifetime),
        ({"lasts": "ever"}, BadLifetime),
        ({"only": ["data:raed"]}, UnknownPermission),
        ({"role": "king"}, BadArguments),
        ({"digest": "secret"}, BadToken),
        ({"token": "../../x"}, BadToken),
    ],
)
def test_what_a_token_cannot_be_like_is_refused(
    team: LocalWorkspace, wish: dict[str, object], error: type[Exception]
) -> None:
    secret = draw(TOKEN)
    with pytest.raises(error, match=r"."):
        issue_own(team, **{"token": secret.id, "digest": secret.digest, **wish})


def test_a_session_ends_by_itself_by_hand_or_when_there_are_too_many(
    team: LocalWorkspace, clock: FixedClock
) -> None:
    access = known(team, issue(team).text)
    sessions = []
    for _ in range(MAX_SESSIONS + 1):
        clock.advance(seconds=1)
        sessions.append(begin_session(team.ledger, access, clock)[0])
    assert known(team, sessions[0].text) is None
    assert known(team, sessions[1].text) is not None
    end_session(team.ledger, sessions[1].id)
    assert known(team, sessions[1].text) is None
    clock.advance(seconds=12 * 3600)
    assert known(team, sessions[-1].text) is None


def test_the_hour_of_the_last_use_is_told(team: LocalWorkspace) -> None:
    token = issue(team, "ana")
    for hour in ("2026-01-01T05", "2026-01-01T07", "2026-01-01T06"):
        note_use(team.ledger, token.id, hour)
    assert [each.used_at for each in list_own_tokens(team)] == ["2026-01-01T07"]


def test_tokens_survive_a_rebuild_of_the_tables(team: LocalWorkspace) -> None:
    kept, gone = issue(team, label="laptop"), issue(team)
    revoke_any(team, token=gone.id)
    before = list_all_tokens(team)
    team.ledger.rebuild()
    assert list_all_tokens(team) == before
    assert known(team, kept.text) is not None
    assert known(team, gone.text) is None


def test_what_a_recognized_caller_does_is_on_record_as_theirs(team: LocalWorkspace) -> None:
    access = known(team, issue(team, "ana").text)
    grant_role(team.acting(access.caller), name="ben", role="viewer")
    with team.ledger.reading() as read:
        last = list(team.ledger.facts(read))[-1]
    assert (last.actor, last.auth) == (access.caller.person, "token")
    # Whatever name they give, it is who they were recognized as.
    liar = Caller(name="ben", person=access.caller.person, auth="token")
    grant_role(team.acting(liar), name="ben", role="operator")
    with team.ledger.reading() as read:
        assert list(team.ledger.facts(read))[-1].actor == access.caller.person


def test_a_drawn_secret_reads_back_and_is_of_its_kind_only() -> None:
    for kind in (TOKEN, SESSION):
        secret = draw(kind)
        assert parse(secret.text, kind) == secret
        assert parse(secret.text, SESSION if kind == TOKEN else TOKEN) is None
    assert len({draw(TOKEN).secret for _ in range(1000)}) == 1000
