"""Refer to data in place of bringing it: what is too large, or may not leave where it is.

What is recorded is a pin (`data.referred`). Rows are looked at once, for contract and profile, where they
can be read and are not too many for that; else the version's rows are its files, as of a folder.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import msgspec
import polars as pl

from ropeway.core.canonical import canonical
from ropeway.data.add import bring, known_kinds, name_from
from ropeway.data.contract_file import read_contract
from ropeway.data.load import pinned_files
from ropeway.data.naming import FORMATS, check_name, require_columns
from ropeway.data.pins import Pin
from ropeway.data.read import read_table
from ropeway.data.records import REFERRED, Arrival
from ropeway.data.referred import S3, fetched, is_remote, look, within
from ropeway.data.sources.errors import SourceChanged
from ropeway.workspace import Workspace

LOOKED_INTO_BYTES = 2 * 10**9
"""What is larger is not read for contract and profile: its rows would have to fit in memory."""


def refer(
    workspace: Workspace,
    uri: str,
    *,
    name: str | None = None,
    source: str | None = None,
    bringer: str | None = None,
    key: Sequence[str] = (),
    new_contract: bool = False,
    endpoint: str | None = None,
    looked_into_bytes: int = LOOKED_INTO_BYTES,
) -> Arrival:
    """Put on record where data is and by what it is known; its bytes stay there.

    Args:
        workspace: where.
        uri: a path, an http(s) URL, or `s3://bucket/key`, with `@etag` behind it to insist on that one.
        name: the dataset; by default the file's own name.
        source: where the data is from, in words; by default the address.
        bringer: who refers to it; by default the caller.
        key: the columns that tell rows apart, for the first contract.
        new_contract: infer the contract anew.
        endpoint: of an S3 store that is not Amazon's.
        looked_into_bytes: what is larger is pinned without being read for rows.

    Raises:
        SourceMissing, NotFetched, SourceUnreachable: it cannot be had.
        SourceChanged: it is not the one with the etag that was given.
        FileUnreadable, BrokenRow, BadHeader: it was had, and cannot be read.
    """
    uri, wanted = _without_etag(uri)
    if not is_remote(uri):
        uri = within(workspace.root, Path(uri))
    dataset = check_name(name if name is not None else name_from(Path(urlsplit(uri).path or uri)))
    pin = look(workspace, uri, endpoint=endpoint)
    if wanted is not None and pin.etag is not None and wanted != pin.etag:
        raise SourceChanged(dataset, uri, "etag", wanted, pin.etag)
    form = FORMATS.get(PurePosixPath(urlsplit(uri).path).suffix.lower())
    remarks: list[str] = []
    if _is_to_be_read(pin, form, looked_into_bytes):
        pin, frame = _looked_into(workspace, uri, form, dataset, endpoint)
    else:
        frame = pinned_files(pin)
        if form is not None and not pin.members:
            remarks.append(f"nobody looked inside: it is larger than {looked_into_bytes:,} bytes")
    require_columns(dataset, frame.columns, key, "--key")
    arrival = bring(
        workspace,
        frame,
        name=dataset,
        version=workspace.store.put(canonical(pin)),
        form=REFERRED,
        source=source or uri,
        bringer=bringer,
        key=key or (["path"] if pin.form is None else []),
        new_contract=new_contract,
        size_bytes=pin.size_bytes or 0,
    )
    return msgspec.structs.replace(arrival, remarks=[*remarks, *arrival.remarks])


def _is_to_be_read(pin: Pin, form: str | None, most_bytes: int) -> bool:
    """Whether it is fetched: for its rows, where it is small; for its digest, where nothing else tells it."""
    if pin.members:
        return False
    is_small = pin.size_bytes is not None and pin.size_bytes <= most_bytes
    return (form is not None and is_small) or not (pin.etag or pin.last_modified or pin.digest)


def _looked_into(
    workspace: Workspace, uri: str, form: str | None, dataset: str, endpoint: str | None
) -> tuple[Pin, pl.DataFrame]:
    """What bytes are known by that were read to their end, and the rows in them."""
    standing = read_contract(workspace.root, dataset)
    with fetched(workspace, uri, endpoint=endpoint) as (path, found):
        pin = msgspec.structs.replace(found, form=form)
        if form is None:
            return pin, pinned_files(pin)
        kinds = known_kinds(standing[0] if standing else None)
        return pin, read_table(path, form=form, kinds=kinds, shown=Path(uri))


def _without_etag(uri: str) -> tuple[str, str | None]:
    if not uri.startswith(S3):
        return uri, None
    address, at, etag = uri.rpartition("@")
    return (address, etag.strip('"')) if at else (uri, None)
