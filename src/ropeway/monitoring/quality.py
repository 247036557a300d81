"""Whether what requests held is sound: complete, of the right types, known categories, within the contract.

Each finding is one problem of one column. What is measured against training values (a null where there were
none, a category never seen) needs a reference; what the dataset's contract says needs only the contract.
"""

from collections.abc import Sequence

import msgspec
import polars as pl

from ropeway.data.contract import Contract, violations
from ropeway.data.contract_file import parse_contract
from ropeway.data.errors import ContractFileBroken
from ropeway.data.records import DatasetVersion
from ropeway.data.standing import contract_name
from ropeway.monitoring.records import Finding, SkewedColumn
from ropeway.monitoring.requests import Requests
from ropeway.stats.profile import OTHER, CategorySketch, Profile
from ropeway.store import Store
from ropeway.store.errors import ObjectDamaged, ObjectMissing

SHOWN_VALUES = 3
SHOWN_CHARACTERS = 40


def faults_of_rows(
    requests: Requests, contract: Contract | None, skewed: Sequence[SkewedColumn] = ()
) -> list[Finding]:
    """What is wrong with some rows by themselves.

    Args:
        requests: their inputs.
        contract: of the dataset that the version learnt from, where it is known.
        skewed: columns whose values differ from the training rows of the same keys.
    """
    found = [
        Finding(column=name, problem="missing", rows=rows, says=f"'{name}' did not come")
        for name, rows in requests.missing.items()
    ]
    found += [
        Finding(column=name, problem="mistyped", rows=rows, says=f"'{name}' came with another type")
        for name, rows in requests.mistyped.items()
    ]
    if contract is not None:
        found += _broken(requests.frame, contract)
    found += [
        Finding(
            column=column.column,
            problem="skewed",
            rows=column.rows,
            says=f"'{column.column}' is other than in training: {'; '.join(column.examples)}",
        )
        for column in skewed
    ]
    return found


def faults_of_profile(seen: Profile, reference: Profile) -> list[Finding]:
    """What a window's requests hold that the rows which the version learnt from did not."""
    return [*_nulls(seen, reference), *_unseen(seen, reference)]


def gathered(findings: Sequence[Finding]) -> list[Finding]:
    """One finding for each problem of each column, the most rows first; the first one says what it was."""
    found: dict[tuple[str, str], Finding] = {}
    for each in findings:
        known = found.get((each.column, each.problem))
        found[each.column, each.problem] = (
            each if known is None else msgspec.structs.replace(known, rows=known.rows + each.rows)
        )
    return sorted(found.values(), key=lambda each: (-each.rows, each.column, each.problem))


def contract_of(store: Store, dataset: DatasetVersion) -> Contract | None:
    """The contract that a dataset version was last held against; None when it cannot be read."""
    try:
        return parse_contract(
            store.read(dataset.contract).decode(errors="replace"), contract_name(dataset.name)
        )
    except (ObjectMissing, ObjectDamaged, ContractFileBroken, UnicodeDecodeError):
        return None


def _nulls(seen: Profile, reference: Profile) -> list[Finding]:
    """Columns with nulls where training knew none."""
    found = []
    for name, sketch in seen.columns.items():
        known = reference.columns.get(name)
        if sketch.nulls and known is not None and not known.nulls and not known.is_empty:
            says = f"'{name}' was empty, and never was in training"
            found.append(Finding(column=name, problem="null", rows=sketch.nulls, says=says))
    return found


def _unseen(seen: Profile, reference: Profile) -> list[Finding]:
    """Columns with categories that training never saw."""
    found = []
    for name, sketch in seen.categories.items():
        known = reference.columns.get(name)
        if not isinstance(known, CategorySketch) or not known.count:
            continue
        had = known.counts()
        # Of more categories than are counted, nobody can say which was never there.
        if OTHER in had:
            continue
        new = {value: rows for value, rows in sketch.counts().items() if value not in had and value != OTHER}
        if new:
            shown = ", ".join(_shown(value) for value in list(new)[:SHOWN_VALUES])
            more = " …" if len(new) > SHOWN_VALUES else ""
            says = f"'{name}' was {shown}{more}, never seen in training"
            found.append(Finding(column=name, problem="unseen", rows=sum(new.values()), says=says))
    return found


def _broken(frame: pl.DataFrame, contract: Contract) -> list[Finding]:
    """What the contract says of the columns of requests; keys and row counts are the dataset's matter."""
    of_inputs = msgspec.structs.replace(
        contract,
        columns={name: rule for name, rule in contract.columns.items() if name in frame.columns},
        unique=[],
        other_columns="allow",
        min_rows=0,
    )
    return [
        Finding(
            column=broken.column or "",
            problem="contract",
            rows=broken.count or frame.height,
            says=msgspec.structs.replace(broken, rows=[]).sentence,
        )
        for broken in violations(frame, of_inputs)
    ]


def _shown(value: str) -> str:
    return f"'{value}'" if len(value) <= SHOWN_CHARACTERS else f"'{value[: SHOWN_CHARACTERS - 1]}…'"
