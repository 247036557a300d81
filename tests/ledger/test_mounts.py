from pathlib import Path, PurePosixPath

import pytest

from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger
from ropeway.ledger.database import mounts
from ropeway.ledger.errors import LedgerOnNetwork

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:40 / /home rw,relatime shared:7 master:1 - nfs4 files:/home rw
41 40 254:1 / /home/ana/local rw - xfs /dev/vdb rw
42 27 0:42 / /mnt/our\\040share rw - cifs //files/share rw
43 27 0:43 / /mnt/over rw - nfs files:/over rw
44 43 0:44 / /mnt/over rw - tmpfs tmpfs rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/project", "ext4"),
        ("/home/ben/project", "nfs4"),
        ("/home", "nfs4"),
        ("/homework", "ext4"),
        ("/home/ana/local/x", "xfs"),
        ("/mnt/our share/x", "cifs"),
        ("/mnt/over/x", "tmpfs"),
    ],
)
def test_a_path_is_on_the_deepest_and_latest_mount(path: str, kind: str) -> None:
    assert mounts.type_of(PurePosixPath(path), MOUNTS) == kind


def test_without_a_list_of_mounts_nothing_is_known() -> None:
    assert mounts.type_of(PurePosixPath("/srv"), "") is None


def test_a_workspace_on_a_network_file_system_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_text(f"{MOUNTS}50 27 0:50 / {tmp_path} rw - fuse.sshfs ana@files: rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", listed)
    with pytest.raises(LedgerOnNetwork, match=r"fuse\.sshfs") as refused:
        Ledger(tmp_path / "ledger.db", SystemClock())
    assert "postgresql://" in refused.value.next_step
    assert not (tmp_path / "ledger.db").exists()
