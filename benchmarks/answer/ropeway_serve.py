"""Serves `sentiment@1` of a project: `python ropeway_serve.py ROOT`; prints its URL when it answers."""

import sys
from pathlib import Path

from ropeway.serving.service import serve
from ropeway.serving.source import WorkspaceSource

root = Path(sys.argv[1])
serve(
    WorkspaceSource(root, "sentiment@1"),
    root / ".ropeway",
    model="sentiment",
    port=0,
    on_ready=lambda url, _deployment: print(url, flush=True),
)
