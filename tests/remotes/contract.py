"""What every kind of remote must do. Another kind subclasses this and supplies the fixture `place`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from between import bring, bring_files, noise, register

from ropeway.core.ids import Digest
from ropeway.data.add import add
from ropeway.keeping.mend import mend
from ropeway.keeping.operations import fsck
from ropeway.remotes.operations import fetch, pull, push, remote_status
from ropeway.remotes.remote import open_remote
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace


class RemoteContract:
    @pytest.fixture
    def alpha(self, tmp_path: Path, place: str) -> Iterator[LocalWorkspace]:
        with make_workspace(tmp_path / "alpha", toml=f'[project]\nname = "alpha"\n{place}') as workspace:
            yield workspace

    @pytest.fixture
    def beta(self, tmp_path: Path, place: str) -> Iterator[LocalWorkspace]:
        toml = f'[project]\nname = "beta"\n{place}'
        with make_workspace(tmp_path / "beta", toml=toml, actor="ben") as workspace:
            yield workspace

    def test_versions_of_all_kinds_arrive_and_are_sound(self, alpha, beta) -> None:
        bring_files(alpha)
        register(alpha)
        large = alpha.root / "large"
        large.mkdir()
        (large / "one.bin").write_bytes(noise(9_000_000))
        add(alpha, large)
        push(alpha, everything=True)
        taken = pull(beta, everything=True)
        assert sorted(each.ref for each in taken.versions) == [
            "dataset:imgs@v1",
            "dataset:large@v1",
            "dataset:rows@v1",
            "model:mood@1",
        ]
        assert fsck(beta).is_sound
        assert remote_status(beta, verify=True).is_sound

    def test_what_is_there_does_not_travel_again(self, alpha) -> None:
        bring(alpha)
        assert push(alpha, refs=["rows"]).sent_bytes > 0
        again = push(alpha, refs=["rows"], verify=True)
        assert (again.sent_bytes, again.new) == (0, [])
        assert again.checked is not None
        assert again.checked.damaged == {}

    def test_what_is_hurt_here_is_taken_from_there(self, alpha, beta) -> None:
        bring_files(alpha)
        push(alpha, everything=True)
        pull(beta, everything=True)
        gone = list(beta.store.digests())[:5]
        beta.store.remove(gone)
        report = fsck(beta)
        remote = open_remote(beta.project, beta.root, beta.store, None)
        assert not report.is_sound
        mended = mend(beta, report, None, remotes=[remote])
        # The manifest and the contract's profile of this project were never there.
        assert {*mended.not_found} <= {*gone}
        assert len(mended.objects) >= 3

    def test_what_is_removed_is_gone_with_the_versions_that_need_it(self, alpha, beta) -> None:
        version, kept = bring(alpha), bring_files(alpha)
        push(alpha, everything=True)
        remote = open_remote(alpha.project, alpha.root, alpha.store, None)
        assert remote.remove([version.version]).objects == 1
        assert fetch(beta).versions == ["remote/dataset:imgs@v1"]
        assert beta.store.has(Digest(kept.version))
        assert not open_remote(beta.project, beta.root, beta.store, None).depot.has(version.version)
        assert push(alpha, everything=True).new == ["dataset:rows@v1"]
