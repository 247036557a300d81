"""The folder in which a run is done again: the project as it was, and the data that it read, nothing else.

Everything comes from the ledger and the store of the workspace, verified; nothing is written there.
"""

from pathlib import Path

import msgspec

from ropeway.core.ids import Digest, PersonId, new_id
from ropeway.keeping.reproduce.operations import DataFact, list_run_data
from ropeway.keeping.reproduce.records import Request
from ropeway.keeping.reproduce.rerun import ACTOR, REQUEST
from ropeway.ledger import Event
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.pipelines.records import PipelineRecord
from ropeway.store import Store
from ropeway.workspace import LocalWorkspace, Workspace
from ropeway.workspace.errors import ProjectNotFound
from ropeway.workspace.place import DATABASE, HOME
from ropeway.workspace.project import PROJECT_FILE

TREE_BEGINS = b'{"entries":'


def lay_out(workspace: Workspace, record: PipelineRecord, folder: Path) -> None:
    """Lay out the folder for `rerun`.

    Args:
        workspace: where the run is on record.
        record: the run.
        folder: an empty folder.

    Raises:
        ObjectMissing, ObjectDamaged: the code or the data are not in the store any more.
        ProjectNotFound: the code that was kept has no ropeway.toml.
    """
    write_tree(workspace.store, record.code, folder)
    if not (folder / PROJECT_FILE).is_file():
        raise ProjectNotFound(folder)
    events = [_event(each) for each in list_run_data(workspace, run=record.run)]
    # Its own file: the project file that was kept may name a ledger elsewhere, where none of this belongs.
    home = folder / HOME
    with LocalWorkspace(folder, actor=ACTOR, place=home / DATABASE, store=Store(home)) as made:
        for event in events:
            for digest in event.objects():
                _bring(workspace.store, made.store, digest)
        person = PersonId(new_id("person"))
        with made.ledger.transaction() as transaction:
            for event in events:
                transaction.append(event, actor=person)
    inputs = {name: ref.removeprefix("dataset:") for name, ref in record.inputs.items()}
    request = Request(inputs=inputs, params=record.params or {})
    (folder / REQUEST).write_bytes(msgspec.json.encode(request))


def _event(fact: DataFact) -> Event:
    return msgspec.convert(fact.fields, TYPES_BY_VERB[fact.verb, fact.version].cls)


def write_tree(store: Store, tree: Digest, folder: Path) -> None:
    """A tree's files in a folder, verified; their names lead nowhere else (`Store.read_tree`)."""
    for name, digest in store.read_tree(tree).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read(digest))


def _bring(source: Store, target: Store, digest: Digest) -> None:
    """Copy an object, and what it holds where it is a tree."""
    if target.has(digest):
        return
    path = source.open_path(digest)
    with path.open("rb") as file:
        is_tree = file.read(len(TREE_BEGINS)) == TREE_BEGINS
    if is_tree:
        for member in source.read_tree(digest).values():
            _bring(source, target, member)
    target.put_file(path)
