"""Data again without a subject's rows: versions, ratings and splits that go on where the purged ones end.

No code of the project runs here: a server erases too. What a check of the project's found of the old version
stands for the new one; contract and profile are made of the rows that stay.
"""

import msgspec
import polars as pl

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.data.contract import violations
from ropeway.data.contract_file import parse_contract, read_contract
from ropeway.data.events import SplitAssigned
from ropeway.data.kinds import kinds
from ropeway.data.operations import NewVersion, find_split, find_version, record_arrival
from ropeway.data.parquet import parquet_bytes
from ropeway.data.profile import profile_of
from ropeway.data.read import read_table
from ropeway.data.records import FOLDER, DatasetVersion
from ropeway.data.split import PARTS
from ropeway.data.standing import contract_name
from ropeway.labels.operations import record_import
from ropeway.labels.records import RatingsVersion
from ropeway.workspace import Context


def rewrite_version(
    context: Context, last: DatasetVersion, rows: pl.DataFrame, *, erasure: str
) -> DatasetVersion | None:
    """Add the rows that stay as a version of the dataset; None where no row does.

    Args:
        context: the call.
        last: the version whose rows they are.
        rows: those that stay.
        erasure: the certificate's id.
    """
    if not rows.height:
        return None
    version, form = _put_rows(context, last, rows, erasure)
    standing = read_contract(context.root, last.name)
    if standing is None:
        text = context.store.read(last.contract).decode()
        standing = parse_contract(text, contract_name(last.name)), text
    contract, text = standing
    found = NewVersion(
        name=last.name,
        version=version,
        format=form,
        rows=rows.height,
        size_bytes=int(rows["size"].sum()) if form == FOLDER else context.store.size(version),
        columns=kinds(rows),
        label_columns=last.label_columns,
        contract=context.store.put(text.encode()),
        profile=context.store.put(canonical(profile_of(rows))),
        violations=violations(rows, contract),
        checks=[msgspec.structs.replace(check, examples=[]) for check in last.checks],
        source=f"{last.shown}, without what was erased under {erasure}",
        bringer=context.actor_name,
    )
    with context.again() as writing:
        return record_arrival(writing, found)


def rewrite_ratings(
    context: Context, last: RatingsVersion, stay: pl.DataFrame, dataset_version: Digest
) -> None:
    """Put the ratings that stay on record, as of the rewritten version."""
    given = stay.drop_nulls("value")
    if not given.height:
        return
    counts = given.group_by("item").len()["len"].to_list()
    items = stay["item"].n_unique()
    ratings = context.store.put(parquet_bytes(stay))
    with context.again() as writing:
        record_import.function(
            writing,
            labels=last.labels,
            ratings=ratings,
            dataset=last.dataset,
            dataset_version=dataset_version,
            guide=last.guide,
            guide_version=last.guide_version,
            items=items,
            unrated=items - len(counts),
            count=given.height,
            fewest=min(counts),
            most=max(counts),
            raters=None if last.raters is None else given["rater"].n_unique(),
            settings=last.settings,
        )


def rewrite_split(
    context: Context, version: DatasetVersion, keys: frozenset[str], present: frozenset[str]
) -> None:
    """Let every other row keep its part: the last split goes on without some keys.

    Args:
        context: the call.
        version: the version that it is of from now on.
        keys: those that go.
        present: the keys of the version's rows.
    """
    with context.again() as writing:
        writing.begin()
        last = find_split.function(writing, dataset=version.name)
        if last is None:
            return
        known = pl.read_parquet(context.store.open_path(last.digest), memory_map=False)
        stay = known.filter(~pl.col("key").is_in(sorted(keys)))
        here = stay.filter(pl.col("key").is_in(sorted(present)))
        if stay.height == known.height or here.height < len(present):
            return
        stay = stay.with_columns(
            seen=pl.when(pl.col("key").is_in(sorted(present)))
            .then(pl.lit(str(version.version)))
            .otherwise(pl.col("seen"))
        )
        writing.append(
            SplitAssigned(
                dataset=version.name,
                version=version.version,
                record=writing.store.put(parquet_bytes(stay)),
                previous=last.digest,
                settings=last.settings,
                rows=here.height,
                parts={part: here.filter(pl.col("part") == part).height for part in PARTS},
                clusters=here["group"].n_unique(),
                followed=last.followed,
                bridged=last.bridged,
            )
        )


def _put_rows(context: Context, last: DatasetVersion, rows: pl.DataFrame, erasure: str) -> tuple[Digest, str]:
    """The rows in the store, in the format that they had where that gives the same rows again."""
    store = context.store
    if last.format == FOLDER:
        return store.put_tree(dict(rows.select("path", "digest").iter_rows())), FOLDER
    if last.format in ("csv", "jsonl"):
        data = (rows.write_csv() if last.format == "csv" else rows.write_ndjson()).encode()
        if _reads_back(context, data, last, rows):
            digest = store.put(data)
            if _is_new(context, last, digest):
                return digest, last.format
    digest = store.put(parquet_bytes(rows))
    if not _is_new(context, last, digest):
        # Just these rows were a version before: another file of them is a version that comes after.
        digest = store.put(parquet_bytes(rows, erasure=erasure))
    return digest, "parquet"


def _is_new(context: Context, last: DatasetVersion, digest: Digest) -> bool:
    with context.again() as look:
        return find_version.function(look, name=last.name, version=digest) is None


def _reads_back(context: Context, data: bytes, last: DatasetVersion, rows: pl.DataFrame) -> bool:
    """Whether a text says the same rows, with what is empty and what is missing."""
    path = context.home / "tmp" / f"rewritten-{last.version[:16]}"
    try:
        path.write_bytes(data)
        return read_table(path, form=last.format, kinds=last.columns).equals(rows)
    # Boundary: whatever a text cannot say, the other format can.
    except Exception:  # noqa: BLE001
        return False
    finally:
        path.unlink(missing_ok=True)
