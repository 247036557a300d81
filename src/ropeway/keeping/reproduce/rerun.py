"""The process that does a run again: `python -m ropeway.keeping.reproduce.rerun FOLDER`.

The folder holds the project as it was, a workspace with nothing but the data that the run read, and
`request.json`. Whatever comes of it is written to `answer.json`; what the project's code prints goes wherever
the caller sends it.
"""

import os
import sys
import traceback
from pathlib import Path

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.keeping.reproduce.records import Answer, Remade, Request
from ropeway.models.register import manifest_of
from ropeway.pipelines.records import PipelineRecord
from ropeway.pipelines.run import pipeline_record, run_pipeline
from ropeway.store import Store
from ropeway.workspace import LocalWorkspace, Workspace
from ropeway.workspace.place import DATABASE, HOME

REQUEST, ANSWER = "request.json", "answer.json"
ACTOR = "reproduction"


def rerun(folder: Path) -> Answer:
    """Do the run again in the folder that was laid out for it."""
    request = msgspec.json.decode((folder / REQUEST).read_bytes(), type=Request)
    try:
        home = folder / HOME
        with LocalWorkspace(folder, actor=ACTOR, place=home / DATABASE, store=Store(home)) as workspace:
            return Answer(made=_run(_pinned(workspace, request), request))
    except RopewayError as error:
        return Answer(error=error.what)
    except Exception:  # noqa: BLE001  the process's edge: the caller is told whatever it was
        return Answer(error=traceback.format_exc(limit=-3))


def _pinned(workspace: LocalWorkspace, request: Request) -> LocalWorkspace:
    """The workspace with each input pinned to the version that the run read."""
    project = workspace.project
    inputs = {
        name: msgspec.structs.replace(declared, dataset=request.inputs[name])
        for name, declared in project.inputs.items()
        if name in request.inputs
    }
    return workspace.going_by(msgspec.structs.replace(project, inputs=inputs))


def _run(workspace: Workspace, request: Request) -> Remade:
    result = run_pipeline(workspace, overrides=request.params, force=True)
    record = pipeline_record(workspace, run=result.run)
    return remade(workspace, record)


def remade(workspace: Workspace, record: PipelineRecord) -> Remade:
    """What a recorded run gave, as far as it can be held against another."""
    content = manifest_of(workspace, record).content
    return Remade(steps=record.steps, slice=record.slice, metrics=record.metrics, content=content)


def main(folder: Path) -> None:
    """Do it, and leave the answer behind."""
    os.chdir(folder)
    answer = rerun(folder)
    (folder / ANSWER).write_bytes(msgspec.json.encode(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
