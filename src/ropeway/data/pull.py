"""Pull from a source of the project file: a version more when something is new, and nothing else ever.

What was fetched is put on record in one transaction with how far the source has been read. So a pull that is
killed has happened or has not, and one that is repeated finds nothing new.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_json
from ropeway.core.ids import DatasetName, new_id
from ropeway.data.add import bring, known_kinds
from ropeway.data.contract import Contract, violations
from ropeway.data.contract_file import read_contract
from ropeway.data.errors import ColumnNotFound, FileChanged, SourceNotFound
from ropeway.data.load import load
from ropeway.data.naming import check_name
from ropeway.data.operations import NewVersion, last_pull, list_datasets, record_pull
from ropeway.data.read import read_table
from ropeway.data.records import DatasetVersion, LastPull, Pulled
from ropeway.data.sources.many import fetch_files, fetch_objects, joined
from ropeway.data.sources.sql import fetch_rows
from ropeway.data.sources.state import Fetched, Spool, State
from ropeway.data.sources.web import fetch_file
from ropeway.workspace import Workspace
from ropeway.workspace.sources import Source

ASKED = ("kind", "url", "url_env", "query", "cursor", "start", "path", "mode", "dataset", "endpoint")
"""The settings on which it depends what is new: when one is edited, the source is read from its beginning."""


def pull(workspace: Workspace, name: str, *, dry_run: bool = False) -> Pulled:
    """Fetch what is new from a source, and add a version if anything is.

    Args:
        workspace: where.
        name: of `[source.NAME]`.
        dry_run: look and say what would come; nothing is kept or recorded.

    Raises:
        SourceNotFound: the project file declares no such source.
        SourceUnset, SourceUnreachable, NotFetched, AddressRefused, QueryFailed: it could not be asked.
        FileUnreadable, BrokenRow, BadHeader, RowsDoNotFit: what came cannot be read.
        SourceMoved: another pull was at work at the same time.
    """
    known = workspace.project.source
    if name not in known:
        raise SourceNotFound(name, known)
    source = known[name]
    dataset = check_name(source.dataset or name)
    last = last_pull(workspace, source=name)
    before = _state(workspace, source, last)
    standing = read_contract(workspace.root, dataset)
    contract = standing[0] if standing else None
    with _scratch(workspace.home) as spool:
        fetched = _fetch(workspace, name, source, before, spool, contract)
        if fetched is None:
            return _nothing(workspace, name, dataset)
        if dry_run:
            rows = _together(workspace, source, dataset, contract, fetched)
            return Pulled(
                source=name,
                dataset=dataset,
                is_new=True,
                is_dry=True,
                rows=fetched.frame.height,
                total=rows.height,
                says=fetched.says,
                violations=violations(rows, contract) if contract else [],
            )
        return _record(workspace, name, source, dataset, contract, fetched, last, spool)


def _state(workspace: Workspace, source: Source, last: LastPull | None) -> State:
    """How far the source has been read; its beginning, when it is asked by something else than before."""
    asked = digest_json([str(getattr(source, name)) for name in ASKED])
    if last is not None:
        state = msgspec.json.decode(workspace.store.read(last.state), type=State)
        if state.asked == asked:
            return state
    return State(asked=asked, cursor=source.start)


def _fetch(
    workspace: Workspace, name: str, source: Source, state: State, spool: Spool, contract: Contract | None
) -> Fetched | None:
    kinds = known_kinds(contract)
    match source.kind:
        case "sql":
            return fetch_rows(name, source, state)
        case "http":
            return fetch_file(name, source, state, spool, kinds)
        case "s3":
            return fetch_objects(name, source, state, spool, kinds)
        case "file":
            return fetch_files(name, source, state, workspace.root, kinds)


def _record(
    workspace: Workspace,
    name: str,
    source: Source,
    dataset: DatasetName,
    contract: Contract | None,
    fetched: Fetched,
    last: LastPull | None,
    spool: Spool,
) -> Pulled:
    rows = _together(workspace, source, dataset, contract, fetched)
    path, form = fetched.file, fetched.form
    if path is None or source.mode == "append":
        path, form = spool(), "parquet"
        rows.write_parquet(path)
        # Read back: what is recorded is what the bytes say.
        rows = read_table(path, form=form)
    version = workspace.store.put_file(path)
    if path == fetched.file and version != fetched.digest:
        raise FileChanged(path)
    state = workspace.store.put(canonical(fetched.state))
    is_recorded = False

    def record(found: NewVersion | None) -> DatasetVersion:
        nonlocal is_recorded
        is_recorded = True
        return record_pull(
            workspace,
            source=name,
            kind=source.kind,
            mode=source.mode,
            dataset=dataset,
            version=version,
            rows=fetched.frame.height,
            state=state,
            previous=last.state if last else None,
            found=found,
        )

    arrival = bring(
        workspace,
        rows,
        name=dataset,
        version=version,
        form=form,
        source=_where(name, source),
        key=source.key,
        record=record,
    )
    # The rows are a version already; how far the source has been read is news all the same.
    if not is_recorded and state != (last.state if last else None):
        record(None)
    return Pulled(
        source=name,
        dataset=dataset,
        version=arrival.version,
        is_new=arrival.is_new,
        rows=fetched.frame.height,
        total=rows.height,
        says=fetched.says,
        remarks=arrival.remarks,
    )


def _together(
    workspace: Workspace, source: Source, dataset: DatasetName, contract: Contract | None, fetched: Fetched
) -> pl.DataFrame:
    """The rows of the version to be: those that came, below those there are when they are appended.

    Where rows have a key, a row that came takes the place of the one with its key; the last of several wins.
    """
    key = contract.unique if contract is not None and contract.unique else source.key
    for column in key:
        if column not in fetched.frame.columns:
            raise ColumnNotFound(dataset, column, fetched.frame.columns, "`key` in ropeway.toml")
    if source.mode == "replace":
        return fetched.frame
    frames = [fetched.frame]
    if (latest := _latest(workspace, dataset)) is not None:
        frames.insert(0, load(workspace, latest))
    rows = joined(frames, [dataset, dataset])
    return rows.unique(key, keep="last", maintain_order=True) if key else rows


def _latest(workspace: Workspace, dataset: str) -> DatasetVersion | None:
    return next((each.latest for each in list_datasets(workspace) if each.latest.name == dataset), None)


def _nothing(workspace: Workspace, name: str, dataset: DatasetName) -> Pulled:
    latest = _latest(workspace, dataset)
    return Pulled(
        source=name,
        dataset=dataset,
        version=latest,
        total=latest.rows if latest else 0,
        says="nothing new",
    )


def _where(name: str, source: Source) -> str:
    """Where the rows are from, in words that hold no secret: of an address, not what is asked for with it."""
    place = source.url or source.path or f"${source.url_env}"
    return f"source {name}: {place.partition('?')[0]}"


@contextmanager
def _scratch(home: Path) -> Iterator[Spool]:
    """Gives names for files that are gone when it ends; those that a kill left are swept by the store."""
    made: list[Path] = []

    def spool() -> Path:
        made.append(home / "tmp" / new_id("pull"))
        return made[-1]

    try:
        yield spool
    finally:
        for path in made:
            path.unlink(missing_ok=True)
