from pathlib import Path

import pytest

from ropeway.core.ids import Digest
from ropeway.keeping.operations import fsck
from ropeway.ledger import Event, event
from ropeway.ledger.errors import IdempotencyMismatch
from ropeway.store import SegmentWriter
from ropeway.testing import make_workspace
from ropeway.workspace import Context, LocalWorkspace, open_workspace, operation
from ropeway.workspace.errors import BadArguments, PermissionDenied, ProjectNotFound, WorkspaceUnusable
from ropeway.workspace.operations import list_events


@event("thing-done", erasable=("note",))
class ThingDone(Event, frozen=True, kw_only=True):
    number: float
    note: str | None = None

    def subject(self) -> str:
        return "thing:1"


@event("tree-kept")
class TreeKept(Event, frozen=True, kw_only=True):
    tree: Digest

    def subject(self) -> str:
        return "thing:2"

    def objects(self) -> tuple[Digest, ...]:
        return (self.tree,)


@operation("trial.keep", kind="command", permission="trial:write")
def keep(context: Context, *, tree: Digest) -> int:
    """Keep it."""
    return context.append(TreeKept(tree=tree)).seq


@operation("trial.do", kind="command", permission="trial:write")
def do(context: Context, *, number: float, note: str | None = None) -> int:
    """Do it."""
    if number < 0:
        context.append(ThingDone(number=number))
        raise RuntimeError("half way")
    return context.append(ThingDone(number=number, note=note)).seq


def test_a_command_records_its_event_with_the_caller(workspace: LocalWorkspace) -> None:
    assert do(workspace, number=1.5, note="hello") == 2
    introduced, done = list_events(workspace)
    assert (introduced.verb, done.verb, done.by) == ("person-introduced", "thing-done", "ana")
    assert done.body == {"number": 1.5}


def test_a_command_that_raises_leaves_nothing(workspace: LocalWorkspace) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        do(workspace, number=-1)
    assert list_events(workspace) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"numbr": 1}, "unknown field `numbr`.*Did you mean 'number'"),
        ({}, "missing required field `number`|lacks required field `number`"),
        ({"number": "1"}, "Expected `float`, got `str`"),
    ],
)
def test_wrong_arguments_are_refused_by_name(workspace: LocalWorkspace, arguments: dict, says: str) -> None:
    with pytest.raises(BadArguments, match=says):
        do(workspace, **arguments)


def test_a_key_makes_a_command_happen_once(workspace: LocalWorkspace) -> None:
    assert do.keyed(workspace, "k1", number=1) == do.keyed(workspace, "k1", number=1)
    assert len(list_events(workspace, verb="thing-done")) == 1
    with pytest.raises(IdempotencyMismatch, match="used before"):
        do.keyed(workspace, "k1", number=2)


def test_a_key_is_its_callers_own(workspace: LocalWorkspace) -> None:
    do.keyed(workspace, "k1", number=1)
    with (
        LocalWorkspace(workspace.root, actor="ben") as other,
        pytest.raises(IdempotencyMismatch, match="by another caller"),
    ):
        do.keyed(other, "k1", number=1)


def test_a_caller_without_the_permission_is_refused(tmp_path: Path) -> None:
    make_workspace(tmp_path).close()
    narrow = LocalWorkspace(tmp_path, actor="eve", allowed=frozenset({"ledger:read"}))
    assert list_events(narrow) == []
    with pytest.raises(PermissionDenied, match="trial:write"):
        do(narrow, number=1)
    narrow.close()


def test_an_operation_without_a_permission_cannot_be_declared() -> None:
    with pytest.raises(AssertionError, match="no permission"):
        operation("trial.open", kind="query", permission="")


def test_the_workspace_is_found_from_a_folder_below(tmp_path: Path) -> None:
    make_workspace(tmp_path / "p", files={"a/b/c.txt": ""}).close()
    with open_workspace(tmp_path / "p" / "a" / "b") as found:
        assert found.root == tmp_path / "p"
    with pytest.raises(ProjectNotFound, match="no project"):
        open_workspace(tmp_path)


def test_a_workspace_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".ropeway").write_text("a file in its place")
    with pytest.raises(WorkspaceUnusable, match="cannot be used"):
        make_workspace(tmp_path)


def test_fsck_misses_an_object_that_an_event_needs(workspace: LocalWorkspace) -> None:
    inner = workspace.store.put_tree({"a.py": workspace.store.put(b"print()")})
    outer = workspace.store.put_tree({"code": inner})
    keep(workspace, tree=outer)
    assert fsck(workspace).is_sound
    [member] = workspace.store.read_tree(inner).values()
    workspace.store.open_path(member).unlink()
    [finding] = fsck(workspace).findings
    assert finding.what == f"The object {member[:10]}… is not in the store."
    assert finding.named_by == ["event 2 tree-kept thing:2"]


def test_fsck_reads_every_segment(workspace: LocalWorkspace) -> None:
    for folder in ("spool", "segments/predictions"):
        writer = SegmentWriter(workspace.home / folder / "one.seg", b"head")
        writer.append(b"record")
        writer.close()
    (workspace.home / "spool" / "bad").write_bytes(b"junk")
    report = fsck(workspace)
    assert report.segments == 3
    assert [finding.what.endswith("has no sound header.") for finding in report.findings] == [True]


def test_fsck_names_what_is_hurt_and_who_refers_to_it(workspace: LocalWorkspace) -> None:
    do(workspace, number=1)
    digest = workspace.store.put(b"precious")
    assert fsck(workspace).is_sound
    path = workspace.store.open_path(digest)
    path.chmod(0o600)
    path.write_bytes(b"hurt")
    [finding] = fsck(workspace).findings
    assert digest[:10] in finding.what
