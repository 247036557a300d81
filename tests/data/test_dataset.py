"""`ropeway.dataset`: rows for a script, and an input of its run without more words."""

from pathlib import Path

import ropeway
from ropeway.data.add import add
from ropeway.tracking.resolve import resolve_run
from ropeway.workspace import LocalWorkspace


def test_what_is_read_in_a_run_is_one_of_its_inputs(workspace: LocalWorkspace, tmp_path: Path):
    (tmp_path / "cells.csv").write_text("id,size\n1,2.5\n2,3.5\n")
    add(workspace, tmp_path / "cells.csv")
    cells = ropeway.dataset("cells", project=workspace.root)
    with ropeway.run(project=workspace.root) as run:
        with ropeway.run(project=workspace.root) as inner:
            pass
        assert cells.frame().height == 2
        assert cells.frame()["size"].to_list() == [2.5, 3.5]
    assert cells.frame().height == 2
    assert resolve_run(workspace, run.id).inputs == [cells.ref]
    assert resolve_run(workspace, inner.id).inputs == []
    assert repr(cells) == "<Dataset cells@v1: 2 rows>"
