"""C3: nothing that somebody brings is run by being kept, registered, loaded, looked at or restored."""

import contextlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.attacks.canaries import canaries
from tests.attacks.fields import fields_of
from tests.keeping.reproduce.halves import PIPELINE, TOML, lay_halves
from tests.server.conftest import Server

from ropeway.core.errors import RopewayError
from ropeway.core.ids import Digest, RunId
from ropeway.data.add import add
from ropeway.data.operations import NewVersion, arrive, diff, full_profile
from ropeway.keeping.backup import back_up
from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.keeping.restore import restore
from ropeway.labels.ratings import import_ratings
from ropeway.members.operations import add_member, issue_for
from ropeway.members.secrets import TOKEN, draw
from ropeway.models.errors import CodeNotTrusted, SourceNotApproved
from ropeway.models.load import load_model
from ropeway.models.manifest import content_digest, put_manifest, read_manifest, source_digest
from ropeway.models.operations import register_package
from ropeway.models.register import register
from ropeway.pipelines.errors import ArtifactUnreadable, UntrustedTypes
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace, open_workspace
from ropeway.workspace.operation import OPERATIONS

ENDINGS = (".csv", ".parquet", ".jsonl", ".skops", ".onnx", ".safetensors", ".json", ".pkl", ".txt", "")
LABELS = """
[project]
name = "trial"
[labels.mood]
dataset = "evil"
guide = "guide.md"
rater = "who"
value = "kind"
snapshot = "kinds"
"""


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Where a file comes to be if anything is run; whatever else a test finds, it must not be there."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """A project with a sound version, whose code may run here."""
    with lay_halves(tmp_path_factory.mktemp("halves") / "project", learnt="0.0") as workspace:
        run_pipeline(workspace)
        register(workspace)
        yield workspace


def forge(workspace: LocalWorkspace, data: bytes = b"", **changes: Any) -> Digest:
    """The sound version's package with another artifact or code, sound in form."""
    first = msgspec.to_builtins(load_detail(workspace))
    manifest = read_manifest(workspace.store, first["package"], "halves@1")
    if data:
        kept = workspace.store.put(data)
        pinned = msgspec.structs.replace(manifest.artifacts["limit"], digest=kept, content=kept)
        changes["artifacts"] = {**manifest.artifacts, "limit": pinned}
    manifest = msgspec.structs.replace(manifest, run=RunId("run_elsewhere00"), **changes)
    identity = content_digest(
        **{
            name: getattr(manifest, name)
            for name in ("code", "artifacts", "params", "signature", "columns", "served", "nullable")
        }
    )
    source = source_digest(manifest.code)
    return put_manifest(workspace.store, msgspec.structs.replace(manifest, content=identity, source=source))


def load_detail(workspace: LocalWorkspace) -> Any:
    return OPERATIONS["models.get"](workspace, ref="halves@1").version


def test_there_are_thirty_and_they_do_sing(canary: Path) -> None:
    assert len(canaries(canary)) >= 30
    pickle.loads(canaries(canary)["pickle protocol 4"])
    assert canary.exists()
    canary.unlink()


def test_no_artifact_is_run_by_being_loaded(halves: LocalWorkspace, canary: Path) -> None:
    for name, data in canaries(canary).items():
        version = register_package(halves, name="halves", package=forge(halves, data))
        with pytest.raises((ArtifactUnreadable, UntrustedTypes)):
            load_model(halves, version.ref)
        assert not canary.exists(), name


def test_no_code_is_run_that_nobody_approved(halves: LocalWorkspace, canary: Path) -> None:
    evil = halves.store.put(f"open({str(canary)!r}, 'w')\n{PIPELINE.replace('LEARNT', '0.0')}".encode())
    version = register_package(halves, name="halves", package=forge(halves, code={"pipeline.py": evil}))
    with pytest.raises(SourceNotApproved):
        load_model(halves, version.ref)


def test_no_file_is_run_by_being_brought_under_any_name(workspace: LocalWorkspace, canary: Path) -> None:
    for number, (name, data) in enumerate(canaries(canary).items()):
        path = workspace.root / f"rows{ENDINGS[number % len(ENDINGS)]}"
        for each in (path, workspace.root / f"rows{ENDINGS[(number + 1) % 3]}"):
            each.write_bytes(data)
            # What is text is text: rows of it do no harm.
            with contextlib.suppress(RopewayError):
                arrived = add(workspace, each, name=f"rows-{number}", new_contract=True)
                full_profile(workspace, reference=arrived.version.reference.removeprefix("dataset:"))
        assert not canary.exists(), name


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_no_label_is_run_by_being_imported(project: Any, canary: Path, form: str) -> None:
    workspace = project(LABELS, **{"guide.md": "# Yes or no\n\nIs it good?\n"})
    for name, data in canaries(canary).items():
        arrive(workspace, found=evil(workspace.store.put(data), "evil", form))
        with pytest.raises(RopewayError) as refused:
            import_ratings(workspace, "mood")
        assert refused.value.code != "error", name
        assert not canary.exists(), name


def evil(kept: Digest, name: str, form: str) -> NewVersion:
    """What somebody says of some bytes that they brought."""
    return NewVersion(
        name=name,
        version=kept,
        format=form,
        rows=1,
        size_bytes=1,
        columns={"id": "text"},
        contract=kept,
        profile=kept,
    )


@pytest.fixture
def server(workspace: LocalWorkspace) -> Iterator[Server]:
    made = Server(workspace)
    yield made
    made.stop()


def test_no_object_is_run_by_being_referred_to(server: Server, canary: Path) -> None:
    """Over HTTP: kept as bytes, and handed to every operation that takes a digest."""
    kinds = list(canaries(canary).items())
    with httpx.Client(base_url=server.url, timeout=30) as client:
        digests = []
        for _, data in kinds:
            for kind in ("application/x-pickle", "application/python-pickle"):
                assert (
                    client.put("/api/v1/objects", content=data, headers={"content-type": kind}).status_code
                    == 415
                )
            reply = client.put(
                "/api/v1/objects", content=data, headers={"content-type": "application/octet-stream"}
            )
            digests.append(reply.json()["digest"])
        places = [
            field
            for each in OPERATIONS.values()
            for field in fields_of(each)
            if field.path[-1] in DIGESTS and each.name[:5] != "trial"
        ]
        assert len(places) > 30
        for number, field in enumerate(places):
            for digest in digests[number % 14 :: 14]:
                reply = client.post(f"/api/v1/{field.operation.name}", json=field.filled(digest))
                assert "internal" not in reply.text, field.label
        for asked in ("story.status", "data.list", "models.list", "runs.search", "monitoring.windows"):
            assert client.post(f"/api/v1/{asked}", json={}).status_code == 200


DIGESTS = {
    "package",
    "version",
    "contract",
    "profile",
    "evidence",
    "tree",
    "environment",
    "points",
    "state",
    "record",
    "ratings",
    "guide_version",
    "calibration",
    "drift",
    "findings",
    "replay",
    "code",
    "digest",
    "learnt_part",
}


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl", "folder", "referred", "pickle"])
def test_no_version_is_run_by_being_looked_at(workspace: LocalWorkspace, canary: Path, form: str) -> None:
    for number, (name, data) in enumerate(canaries(canary).items()):
        kept = workspace.store.put(data)
        found = NewVersion(
            name=f"evil-{number}",
            version=kept,
            format=form,
            rows=1,
            size_bytes=1,
            columns={"id": "text"},
            contract=kept,
            profile=kept,
        )
        arrive(workspace, found=found)
        for look in (full_profile, lambda at, reference: diff(at, before=reference, after=reference)):
            said = ""
            try:
                look(workspace, reference=f"evil-{number}")
            except RopewayError as error:
                said = str(error)
            assert str(workspace.home) not in said, name
        assert not canary.exists(), name


def test_no_backup_is_run_by_being_restored(workspace: LocalWorkspace, canary: Path, tmp_path: Path) -> None:
    for name, data in canaries(canary).items():
        (workspace.root / "rows").mkdir(exist_ok=True)
        (workspace.root / "rows" / f"{name.replace('/', ' ').replace('!!', '')}.pkl").write_bytes(data)
    add(workspace, workspace.root / "rows", name="files")
    kept = back_up(workspace, tmp_path / "place").backup
    assert restore(tmp_path / "place", tmp_path / "target", name=kept, actor="ana").objects >= 30


@pytest.mark.slow
def test_no_colleagues_code_is_run_by_being_done_again_or_registered(
    tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "import os, pathlib\nif at := os.environ.get('CANARY'):\n    pathlib.Path(at).touch()\n"
    with lay_halves(tmp_path / "server", learnt="0.0") as here:
        add_member(here, name="ada", role="admin")
        add_member(here, name="cleo", role="contributor")
        secret = draw(TOKEN)
        issue_for(here, name="cleo", token=secret.id, digest=secret.digest)
        server = Server(here)
        theirs = tmp_path / "cleo"
        theirs.mkdir()
        (theirs / "ropeway.toml").write_text(TOML)
        (theirs / "pipeline.py").write_text(evil + PIPELINE.replace("LEARNT", "0.0"))
        monkeypatch.setenv("ROPEWAY_TOKEN", secret.text)
        with open_workspace(theirs, server=server.url) as remote:
            run = run_pipeline(remote).run
        server.stop()
        monkeypatch.setitem(os.environ, "CANARY", str(canary))
        for harm in (reproduce, register):
            with pytest.raises(CodeNotTrusted, match="cleo"):
                harm(here, run)
            assert not canary.exists()
