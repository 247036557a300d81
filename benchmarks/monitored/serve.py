"""Serves `sentiment@1` in one of these ways: `python serve.py ROOT bare|again|monitored|shadowed`.

bare        answers and keeps nothing: no log, no entity.
again       as bare, to see by how much two that are alike differ.
monitored   as `ropeway serve` does where the loop is on: entity and carried field, log, segments let go of.
shadowed    the same, and a second version is asked every row too.

Prints its URL when it answers.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from ropeway.core.ids import PredictionId
from ropeway.models.routing import Routing
from ropeway.serving import service
from ropeway.serving.log import PredictionLog
from ropeway.serving.source import WorkspaceSource

SEGMENT_AGE = timedelta(seconds=30)
"""A tenth of the default, so that letting go of segments is in the figures, ten times too often."""


class NoLog(PredictionLog):
    """Keeps nothing of an answer."""

    def add(self, *_: Any, **__: Any) -> PredictionId:
        """Always the same id, for an answer that nobody finds again."""
        return PredictionId("p-00000000-1-0")


class Fixed(WorkspaceSource):
    """One version live, and one asked beside it where that is wanted."""

    shadows: tuple[str, ...] = ()

    def resolve(self) -> Routing:
        """The same for ever."""
        return Routing(
            name="sentiment",
            environment="production",
            live="sentiment@1",
            shadows=list(self.shadows),
            salt="s",
        )


def main(root: Path, way: str) -> None:
    source = Fixed(root, "sentiment@1")
    settings: dict[str, Any] = {}
    if way in ("bare", "again"):
        service.PredictionLog = NoLog  # type: ignore[misc]
    else:
        settings = {"entity": "customer", "carry": ["id"], "segment_age": SEGMENT_AGE}
    if way == "shadowed":
        source.shadows = ("sentiment@2",)
    service.serve(
        source,
        root / ".ropeway",
        model="sentiment",
        port=0,
        on_ready=lambda url, _deployment: print(url, flush=True),
        **settings,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
