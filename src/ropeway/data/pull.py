"""Pull from a source of the project file: a version more when something is new, and nothing else ever.

What was fetched is put on record in one transaction with how far the source has been read. So a pull that is
killed has happened or has not, and one that is repeated finds nothing new.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_json
from ropeway.core.ids import DatasetName, Digest, new_id
from ropeway.data.add import bring, known_kinds
from ropeway.data.contract import Contract, violations
from ropeway.data.contract_file import read_contract
from ropeway.data.file_errors import FileChanged
from ropeway.data.load import load
from ropeway.data.naming import check_name, require_columns
from ropeway.data.operations import NewVersion, last_pull, list_datasets, record_pull
from ropeway.data.read import read_table
from ropeway.data.records import DatasetVersion, LastPull, Pulled
from ropeway.data.sources.errors import SourceNotFound
from ropeway.data.sources.many import fetch_files, fetch_objects, joined
from ropeway.data.sources.sql import fetch_rows
from ropeway.data.sources.state import Fetched, Spool, State
from ropeway.data.sources.web import fetch_file
from ropeway.workspace import Workspace
from ropeway.workspace.tables.source import Source

ASKED = ("kind", "url", "url_env", "query", "cursor", "start", "path", "mode", "dataset", "endpoint")
"""The settings on which it depends what is new: when one is edited, the source is read from its beginning."""


class _Reading(NamedTuple):
    """A source that is being pulled: where its rows go, and how far it was read before."""

    workspace: Workspace
    name: str
    source: Source
    dataset: DatasetName
    contract: Contract | None
    last: LastPull | None


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
    standing = read_contract(workspace.root, dataset)
    reading = _Reading(workspace, name, source, dataset, standing[0] if standing else None, last)
    with _scratch(workspace.home) as spool:
        fetched = _fetch(reading, _state(reading), spool)
        if fetched is None:
            return _nothing(reading)
        return _looked_at(reading, fetched) if dry_run else _record(reading, fetched, spool)


def _state(reading: _Reading) -> State:
    """How far the source has been read; its beginning, when it is asked by something else than before."""
    source, last = reading.source, reading.last
    asked = digest_json([str(getattr(source, name)) for name in ASKED])
    if last is not None:
        state = msgspec.json.decode(reading.workspace.store.read(last.state), type=State)
        if state.asked == asked:
            return state
    return State(asked=asked, cursor=source.start)


def _fetch(reading: _Reading, state: State, spool: Spool) -> Fetched | None:
    """What is new; None when nothing is."""
    name, source, kinds = reading.name, reading.source, known_kinds(reading.contract)
    match source.kind:
        case "sql":
            return fetch_rows(name, source, state)
        case "http":
            return fetch_file(name, source, state, spool, kinds)
        case "s3":
            return fetch_objects(name, source, state, spool, kinds)
        case "file":
            return fetch_files(name, source, state, reading.workspace.root, kinds)


def _looked_at(reading: _Reading, fetched: Fetched) -> Pulled:
    """What would come; nothing of it is kept."""
    rows = _together(reading, fetched)
    return Pulled(
        source=reading.name,
        dataset=reading.dataset,
        is_new=True,
        is_dry=True,
        rows=fetched.frame.height,
        total=rows.height,
        says=fetched.says,
        violations=violations(rows, reading.contract) if reading.contract else [],
    )


def _record(reading: _Reading, fetched: Fetched, spool: Spool) -> Pulled:
    """The version, and how far the source has been read, put on record together."""
    workspace, source, last = reading.workspace, reading.source, reading.last
    rows, form, version = _kept(reading, fetched, spool)
    state = workspace.store.put(canonical(fetched.state))
    is_recorded = False

    def record(found: NewVersion | None) -> DatasetVersion:
        nonlocal is_recorded
        is_recorded = True
        return record_pull(
            workspace,
            source=reading.name,
            kind=source.kind,
            mode=source.mode,
            dataset=reading.dataset,
            version=version,
            rows=fetched.frame.height,
            state=state,
            previous=last.state if last else None,
            found=found,
        )

    arrival = bring(
        workspace,
        rows,
        name=reading.dataset,
        version=version,
        form=form,
        source=_where(reading.name, source),
        key=source.key,
        record=record,
    )
    # The rows are a version already; how far the source has been read is news all the same.
    if not is_recorded and state != (last.state if last else None):
        record(None)
    return Pulled(
        source=reading.name,
        dataset=reading.dataset,
        version=arrival.version,
        is_new=arrival.is_new,
        rows=fetched.frame.height,
        total=rows.height,
        says=fetched.says,
        remarks=arrival.remarks,
    )


def _kept(reading: _Reading, fetched: Fetched, spool: Spool) -> tuple[pl.DataFrame, str, Digest]:
    """The rows of the version to be, and the bytes that hold them: their form, their digest in the store."""
    rows = _together(reading, fetched)
    path, form = fetched.file, fetched.form
    if path is None or reading.source.mode == "append":
        path, form = spool(), "parquet"
        rows.write_parquet(path)
        # Read back: what is recorded is what the bytes say.
        rows = read_table(path, form=form)
    version = reading.workspace.store.put_file(path)
    if path == fetched.file and version != fetched.digest:
        raise FileChanged(path)
    return rows, form, version


def _together(reading: _Reading, fetched: Fetched) -> pl.DataFrame:
    """The rows of the version to be: those that came, below those there are when they are appended.

    Where rows have a key, a row that came takes the place of the one with its key; the last of several wins.
    """
    source, contract, dataset = reading.source, reading.contract, reading.dataset
    key = contract.unique if contract is not None and contract.unique else source.key
    require_columns(dataset, fetched.frame.columns, key, "`key` in ropeway.toml")
    if source.mode == "replace":
        return fetched.frame
    frames = [fetched.frame]
    if (latest := _latest(reading)) is not None:
        frames.insert(0, load(reading.workspace, latest))
    rows = joined(frames, [dataset, dataset])
    return rows.unique(key, keep="last", maintain_order=True) if key else rows


def _latest(reading: _Reading) -> DatasetVersion | None:
    every = list_datasets(reading.workspace)
    return next((each.latest for each in every if each.latest.name == reading.dataset), None)


def _nothing(reading: _Reading) -> Pulled:
    latest = _latest(reading)
    return Pulled(
        source=reading.name,
        dataset=reading.dataset,
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
