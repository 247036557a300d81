"""A notebook that Jupyter's own client executes: what it shows, a cell that is interrupted or run again."""

import asyncio
import inspect
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import ropeway
from ropeway.testing import MINIMAL_PROJECT

# What a release of another library finds old is not ours to fail by.
pytestmark = pytest.mark.filterwarnings("ignore")

CELLS = {
    "begin": "import ropeway\nrun = ropeway.run(name='open')\nrun.log(1, loss=0.5)\nrun",
    "list": "ropeway.runs(\"name = 'open'\")",
    "long": "with ropeway.run(name='long') as long:\n    for n in range(10_000):\n"
    "        long.log(n, x=n)\n        open('going', 'w').close()\n        import time; time.sleep(0.01)",
    "fork": "import os\nif not os.fork():\n    try:\n        run.log(2, loss=9)\n    finally:\n"
    "        os._exit(0)\nos.wait()\nrun.log(3, loss=0.25)\nrun.is_open",
}


class Notebook:
    """Its cells, executed one by one in a kernel."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
        self.client = NotebookClient(
            made, timeout=120, allow_errors=True, resources={"metadata": {"path": folder}}
        )

    def execute(self, name: str) -> list[dict[str, object]]:
        """What a cell put out."""
        place = list(CELLS).index(name)
        return list(self.client.execute_cell(self.client.nb.cells[place], place).outputs)

    def interrupt_when_going(self) -> None:
        """As the button does, once the long cell is at work."""
        while not (self._folder / "going").exists():
            time.sleep(0.05)
        asked = self.client.km.interrupt_kernel()
        if inspect.iscoroutine(asked):
            asyncio.run(asked)


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    (tmp_path / "ropeway.toml").write_text(MINIMAL_PROJECT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return Notebook(tmp_path)


def test_a_notebook_shows_runs_and_no_cell_spoils_one(notebook: Notebook) -> None:
    with notebook.client.setup_kernel():
        for name in ("begin", "list"):
            [shown] = notebook.execute(name)
            assert "<table" in shown["data"]["text/html"]
        threading.Thread(target=notebook.interrupt_when_going).start()
        assert notebook.execute("long")[-1]["ename"] == "KeyboardInterrupt"
        assert notebook.execute("fork")[-1]["data"]["text/plain"] == "True"
        outputs = notebook.execute("begin")
        assert any("begun by this cell before, was ended" in str(each) for each in outputs)
    found = [(run.name, run.status, run.metrics.get("loss")) for run in ropeway.runs(sort=["started_at"])]
    assert found == [("open", "finished", 0.25), ("long", "interrupted", None), ("open", "finished", 0.5)]
