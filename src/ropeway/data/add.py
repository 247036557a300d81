"""Bring data: read it strictly, hold it against its contract, look at it, put it on record.

Everything that can fail or takes long happens before the one command that records; so a kill at any point
leaves either no version or a whole one.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ropeway.core.canonical import canonical
from ropeway.core.errors import did_you_mean
from ropeway.core.hashing import digest_file
from ropeway.core.ids import DatasetName, Digest
from ropeway.data.checks import run_checks
from ropeway.data.contract import Contract, violations
from ropeway.data.contract_file import parse_contract, read_contract, render_contract, write_contract
from ropeway.data.errors import ContractMissing
from ropeway.data.file_errors import FileChanged
from ropeway.data.folder import COLUMNS, KEY, folder_frame, put_folder
from ropeway.data.infer import infer_contract
from ropeway.data.kinds import kinds
from ropeway.data.naming import check_name, require_columns
from ropeway.data.operations import NewVersion, arrive, find_version, list_datasets, record_check
from ropeway.data.parquet import parquet_bytes
from ropeway.data.profile import profile_of
from ropeway.data.read import format_of, read_table
from ropeway.data.records import FOLDER, Arrival, DatasetVersion
from ropeway.data.standing import contract_name
from ropeway.workspace import Workspace


class _Brought(NamedTuple):
    """What lies at a path: its rows, and the bytes in the store that they were read from."""

    frame: pl.DataFrame
    version: Digest
    form: str
    called: str
    size_bytes: int | None = None
    """Where that is not the size of the one object."""


def add(
    workspace: Workspace,
    path: Path | str,
    *,
    name: str | None = None,
    source: str | None = None,
    bringer: str | None = None,
    key: Sequence[str] = (),
    new_contract: bool = False,
) -> Arrival:
    """Bring a file as a version of a dataset.

    Args:
        workspace: where.
        path: a CSV, Parquet or JSON lines file; or a folder of files of any kind, whose rows are its files.
        name: the dataset; by default the file's own name.
        source: where the data is from, in words or as an address; by default the file's name.
        bringer: who brings it; by default the caller.
        key: the columns that tell rows apart, for the first contract; else those that ropeway.toml names.
        new_contract: infer the contract anew from this file, in place of the one there is.

    Raises:
        FileUnreadable, BrokenRow, BadHeader: the file cannot be read, with the place.
        ColumnNotFound: a column of `key` is not there.
        ContractFileBroken, ContractMissing: the contract's file is not there as it should be.
        CheckRaised: one of the project's own checks cannot be run.
    """
    path = Path(path)
    dataset = check_name(name if name is not None else name_from(path.resolve()))
    if path.is_dir():
        brought, key = _folder(workspace, path), key or [KEY]
    else:
        brought = _file(workspace, path, dataset, key, new_contract=new_contract)
    return bring(
        workspace,
        brought.frame,
        name=dataset,
        version=brought.version,
        form=brought.form,
        size_bytes=brought.size_bytes,
        source=source or brought.called,
        bringer=bringer,
        key=key,
        new_contract=new_contract,
    )


def _folder(workspace: Workspace, path: Path) -> _Brought:
    """A folder, put into the store: its rows are its files."""
    tree = put_folder(workspace.store, path)
    files = folder_frame(workspace.store, tree)
    return _Brought(files, tree, FOLDER, f"{path.resolve().name}/", int(files["size"].sum()))


def _file(
    workspace: Workspace, path: Path, dataset: DatasetName, key: Sequence[str], *, new_contract: bool
) -> _Brought:
    """A file, read strictly and put into the store."""
    form = format_of(path)
    contract = None if new_contract else read_contract(workspace.root, dataset)
    seen = digest_file(path)
    frame = read_table(path, form=form, kinds=known_kinds(contract[0] if contract else None))
    require_columns(dataset, frame.columns, key, "--key")
    version = workspace.store.put_file(path)
    # What was read must be what is kept, also when somebody writes to the file meanwhile.
    if version != seen:
        raise FileChanged(path)
    return _Brought(frame, version, form, path.name)


def bring(
    workspace: Workspace,
    frame: pl.DataFrame,
    *,
    name: DatasetName,
    version: Digest,
    form: str,
    source: str,
    bringer: str | None = None,
    key: Sequence[str] = (),
    new_contract: bool = False,
    size_bytes: int | None = None,
    record: Callable[[NewVersion], DatasetVersion] | None = None,
) -> Arrival:
    """Put rows on record whose bytes are in the store: the second half of `add`.

    Of what is not one object, `size_bytes` says how much it is; `record` records in place of `data.arrive`.
    """
    known = find_version(workspace, name=name, version=version)
    if known is not None and not new_contract:
        return Arrival(
            version=known,
            is_new=False,
            contract_file=contract_name(name),
            contract_inferred=False,
            remarks=_remarks(workspace, frame, name),
        )
    found, inferred = examine(
        workspace,
        frame,
        name=name,
        version=version,
        form=form,
        source=source,
        bringer=bringer,
        key=key,
        new_contract=new_contract,
        size_bytes=size_bytes,
    )
    if known is not None:
        recorded = _check_again(workspace, found)
    else:
        recorded = record(found) if record is not None else arrive(workspace, found=found)
    return Arrival(
        version=recorded,
        is_new=known is None,
        contract_file=contract_name(name),
        contract_inferred=inferred,
        remarks=_remarks(workspace, frame, name),
    )


def examine(
    workspace: Workspace,
    frame: pl.DataFrame,
    *,
    name: DatasetName,
    version: Digest,
    form: str,
    source: str,
    bringer: str | None = None,
    key: Sequence[str] = (),
    label_columns: Sequence[str] = (),
    new_contract: bool = False,
    size_bytes: int | None = None,
) -> tuple[NewVersion, bool]:
    """Find out all that is recorded of some rows, and write their first contract where there is none.

    Of `label_columns`, the label comes first, then what it was made of.

    Returns:
        What to record, and whether the contract was inferred from these rows.
    """
    made = COLUMNS if tuple(frame.columns) == COLUMNS else label_columns[1:]
    contract, text, inferred = _contract(
        workspace, frame, name, key=key, made=made, new_contract=new_contract
    )
    checks = run_checks(workspace.root / workspace.project.project.checks, name, frame, key=contract.unique)
    found = NewVersion(
        name=name,
        version=version,
        format=form,
        rows=frame.height,
        size_bytes=workspace.store.size(version) if size_bytes is None else size_bytes,
        columns=kinds(frame),
        label_columns=list(label_columns),
        contract=workspace.store.put(text.encode()),
        profile=workspace.store.put(canonical(profile_of(frame))),
        violations=violations(frame, contract),
        checks=checks,
        source=source,
        bringer=bringer or workspace.actor_name,
    )
    # Last, when nothing of this can fail any more: a contract without data would be enforced all the same.
    if inferred:
        write_contract(workspace.root, workspace.home / "tmp", name, text)
    return found, inferred


def examine_made(
    workspace: Workspace,
    frame: pl.DataFrame,
    *,
    name: DatasetName,
    source: str,
    key: Sequence[str] = (),
    label_columns: Sequence[str] = (),
) -> NewVersion:
    """Put rows of our own making into the store, and find out all that is recorded of them; see `examine`."""
    version = workspace.store.put(parquet_bytes(frame))
    found, _ = examine(
        workspace,
        # Read back: what is recorded is what the bytes say.
        read_table(workspace.store.open_path(version), form="parquet"),
        name=name,
        version=version,
        form="parquet",
        source=source,
        key=key,
        label_columns=label_columns,
    )
    return found


def name_from(path: Path) -> str:
    """A dataset's name from a file's: `Tweets 2026.csv` becomes `tweets-2026`."""
    return re.sub(r"[^a-z0-9_]+", "-", path.stem.lower()).strip("-_") or path.name


def known_kinds(contract: Contract | None) -> dict[str, str]:
    """The kinds that a contract says; none of them binds the reader."""
    return {name: rule.type for name, rule in contract.columns.items()} if contract else {}


def last_contract(workspace: Workspace, name: str) -> str | None:
    """The contract's text as it was last on record; None for a dataset that is new."""
    versions: list[DatasetVersion] = [
        summary.latest for summary in list_datasets(workspace) if summary.latest.name == name
    ]
    return workspace.store.read(versions[0].contract).decode(errors="replace") if versions else None


def _remarks(workspace: Workspace, frame: pl.DataFrame, name: str) -> list[str]:
    """Whether each row has the target that ropeway.toml names for this dataset."""
    found: dict[str, None] = {}
    for given in workspace.project.inputs.values():
        if given.target is None or given.dataset.partition("@")[0] != name:
            continue
        if given.target not in frame.columns:
            hint = did_you_mean(given.target, frame.columns)
            found[f"there is no column '{given.target}', the target in ropeway.toml.{hint}"] = None
            continue
        series = frame[given.target]
        absent = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
        if absent.any():
            found[f"{absent.sum():,} of {frame.height:,} rows have no '{given.target}', the target"] = None
    return list(found)


def _check_again(workspace: Workspace, found: NewVersion) -> DatasetVersion:
    """A version that is there already, held against the contract that was just inferred from it."""
    return record_check(
        workspace,
        name=found.name,
        version=found.version,
        contract=found.contract,
        columns=found.columns,
        violations=found.violations,
        checks=found.checks,
    )


def _contract(
    workspace: Workspace,
    frame: pl.DataFrame,
    name: str,
    *,
    key: Sequence[str],
    made: Sequence[str],
    new_contract: bool,
) -> tuple[Contract, str, bool]:
    """The contract, its text, and whether it was inferred just now; `made` are columns of our own making."""
    if not new_contract:
        standing = read_contract(workspace.root, name)
        if standing is not None:
            return *standing, False
        # A contract that vanished must not be replaced by one that any data would keep.
        if last_contract(workspace, name) is not None:
            raise ContractMissing(name, contract_name(name))
    inferred = infer_contract(frame, key=_key(workspace, frame, name, key), typed_only=made)
    text = render_contract(name, inferred, frame.height)
    return parse_contract(text, contract_name(name)), text, True


def _key(workspace: Workspace, frame: pl.DataFrame, name: str, key: Sequence[str]) -> list[str]:
    """The key columns as asked, else as the project file names them for this dataset."""
    if key:
        return list(key)
    project = workspace.project
    named = [given.key for given in project.inputs.values() if given.dataset.partition("@")[0] == name]
    named += [
        labels.item
        for labels in project.labels.values()
        if labels.dataset == name and labels.ratings is not None
    ]
    return [column for column in named if column in frame.columns][:1]
