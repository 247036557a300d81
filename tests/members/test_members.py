"""Who belongs to a project: added, granted, removed, and never without an admin."""

from itertools import pairwise

import pytest

from ropeway.ledger.errors import IdempotencyMismatch
from ropeway.members.errors import AdminNeeded, BadMemberName, MemberExists, UnknownMember
from ropeway.members.operations import add_member, grant_role, list_members, remove_member
from ropeway.members.roles import ROLES, narrowed, permissions_of
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events


def team(workspace: LocalWorkspace) -> dict[str, str]:
    return {each.name: each.role for each in list_members(workspace)}


def test_the_first_member_is_admin_and_others_follow(workspace: LocalWorkspace) -> None:
    with pytest.raises(AdminNeeded, match="'ben' would be the only member"):
        add_member(workspace, name="ben", role="viewer")
    add_member(workspace, name="ana", role="admin")
    add_member(workspace, name="ben", role="viewer")
    assert team(workspace) == {"ana": "admin", "ben": "viewer"}


def test_adding_somebody_again_changes_nothing_and_with_another_role_is_refused(
    workspace: LocalWorkspace,
) -> None:
    first = add_member(workspace, name="ana", role="admin")
    again = add_member(workspace, name="ana", role="admin")
    assert (again.person, again.known) == (first.person, True)
    with pytest.raises(MemberExists, match="'ana' is a member already, as admin"):
        add_member(workspace, name="ana", role="viewer")
    assert len(list_events(workspace, verb="member-added")) == 1


def test_a_member_is_the_person_who_acted_under_that_name_before(workspace: LocalWorkspace) -> None:
    added = add_member(workspace, name="ana", role="admin")
    introduced = list_events(workspace, verb="person-introduced")
    assert [each.subject for each in introduced] == [f"person:{added.person}"]
    ben = add_member(workspace, name="ben", role="viewer")
    remove_member(workspace, name="ben")
    assert add_member(workspace, name="ben", role="viewer").person == ben.person


def test_the_last_admin_neither_goes_nor_becomes_less(workspace: LocalWorkspace) -> None:
    add_member(workspace, name="ana", role="admin")
    with pytest.raises(AdminNeeded, match="'ana'"):
        remove_member(workspace, name="ana")
    with pytest.raises(AdminNeeded, match="'ana'"):
        grant_role(workspace, name="ana", role="operator")
    add_member(workspace, name="ben", role="admin")
    grant_role(workspace, name="ana", role="operator")
    assert team(workspace) == {"ana": "operator", "ben": "admin"}


def test_an_unknown_member_is_answered_with_a_likely_one(workspace: LocalWorkspace) -> None:
    add_member(workspace, name="ana", role="admin")
    with pytest.raises(UnknownMember, match="Did you mean 'ana'"):
        grant_role(workspace, name="anna", role="viewer")


@pytest.mark.parametrize("name", ["", " ana", "ana\n", "x" * 101, "a\u202eb", "\x1b[31mana"])
def test_a_name_that_would_not_be_recognized_is_refused(workspace: LocalWorkspace, name: str) -> None:
    with pytest.raises(BadMemberName, match="cannot be a member's name"):
        add_member(workspace, name=name, role="admin")


def test_a_repeated_key_adds_once(workspace: LocalWorkspace) -> None:
    first = add_member.keyed(workspace, "k", name="ana", role="admin")
    assert add_member.keyed(workspace, "k", name="ana", role="admin") == first
    with pytest.raises(IdempotencyMismatch, match="k"):
        add_member.keyed(workspace, "k", name="ben", role="admin")


def test_members_survive_a_rebuild_of_the_tables(workspace: LocalWorkspace) -> None:
    for name, role in (("ana", "admin"), ("ben", "viewer"), ("cleo", "viewer")):
        add_member(workspace, name=name, role=role)
    grant_role(workspace, name="ben", role="approver")
    remove_member(workspace, name="cleo")
    before = list_members(workspace)
    workspace.ledger.rebuild()
    assert list_members(workspace) == before


def test_a_workspace_from_before_gets_the_tables_when_it_is_opened(tmp_path) -> None:
    with make_workspace(tmp_path) as workspace, workspace.ledger.transaction() as transaction:
        for table in ("session", "token_use", "member", "token"):
            transaction.connection.exec_driver_sql(f"DROP TABLE {table}")
        transaction.connection.exec_driver_sql("UPDATE meta SET value = 'older' WHERE key = 'projections'")
    with make_workspace(tmp_path) as workspace:
        assert add_member(workspace, name="ana", role="admin").role == "admin"


def test_each_role_may_more_than_the_one_before() -> None:
    reached = [permissions_of(role) for role in ROLES]
    assert all(less < more for less, more in pairwise(reached))


@pytest.mark.parametrize("role", ROLES)
def test_a_narrowed_token_never_may_more_than_its_member_or_widen_itself(role: str) -> None:
    own = permissions_of(role)
    for at_most in (*ROLES, None):
        for only in (None, ["data:write", "members:write", "tokens:write"]):
            given = narrowed(role, at_most=at_most, read_only=False, only=only)
            assert given <= own
            if (at_most, only) != (None, None):
                assert not given & {"members:write", "tokens:write", "tokens:manage"}
