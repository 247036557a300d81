"""Serves a project's workspace: `python serve.py ROOT`; prints port, code and environment for its runs."""

import sys
from pathlib import Path

from ropeway.server.app import ServerApp
from ropeway.serving.listen import GracefulServer, bind
from ropeway.workspace import LocalWorkspace, rooms
from ropeway.workspace.operation import OPERATIONS

rooms.load_operations()
workspace = LocalWorkspace(Path(sys.argv[1]), actor="ana")
environment = workspace.store.put(b"[]")
code = workspace.store.put_tree({"train.py": workspace.store.put(b"1")})
listener = bind("127.0.0.1", 0)
print(listener.getsockname()[1], code, environment, flush=True)
GracefulServer(ServerApp(workspace, list(OPERATIONS.values())), listener).run()
