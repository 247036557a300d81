"""Under fault: ratings that come in, are measured and become a labelled dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from tests.faults.line import lay
from tests.faults.operation import Act
from tests.faults.operations.data import come_whole
from tests.faults.story import Story

from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.data.operations import list_versions
from ropeway.labels.measure import measure
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.workspace import LocalWorkspace

ITEMS = 40


class ImportLabels:
    """Data, ratings, agreement and snapshot: four commands a call."""

    name = "labels import"
    repeats = True
    limit = 100

    def prepare(self, root: Path) -> None:
        lay(root)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            add(workspace, _ratings(workspace.root, token), name="rated", key=["id"])
            import_ratings(workspace, "tone")
            measure(workspace, "tone")
            return snapshot(workspace, "tone").version.version

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        acknowledged = story.acknowledged()
        if not acknowledged:
            return []
        digests, problems = [version.version for version in list_versions(workspace, name="tones")], []
        for token, digest in acknowledged.items():
            if digests.count(digest) != 1:
                problems.append(f"the snapshot of {token} is there {digests.count(digest)} times")
                continue
            frame = load(workspace, resolve(workspace, f"tones@{digest}"))
            if frame.height != ITEMS or not frame["text"].str.ends_with(token).all():
                problems.append(f"the snapshot of {token} has other rows")
        return problems


def _ratings(root: Path, token: str) -> Path:
    path = root.parent / "incoming" / f"{token}.parquet"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        frame = pl.DataFrame(
            {
                "id": [f"i{number}" for number in range(ITEMS)],
                "text": [f"text {number} of {token}" for number in range(ITEMS)],
                "ratings": [[-2, -1, -2] if number % 3 else [2, 1, 2] for number in range(ITEMS)],
            },
            schema_overrides={"ratings": pl.List(pl.Int8)},
        )
        # A kill must not leave half of it, which the next try would take for whole.
        half = path.with_suffix(".half")
        frame.write_parquet(half)
        come_whole(half, path)
    return path
