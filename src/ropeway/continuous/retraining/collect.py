"""Rows to learn from, made of predictions of which people said what they should have been.

They are added to the newest sound version of the data that the pipeline reads. A row that is there already
stays as it is, and its key is not taken twice; of several answers to one key the latest truth holds. The
same feedback gives the same bytes, so that collecting again gives the version that there is.

Left out, counted and told are answers whose inputs the log did not keep as they came, values of another kind,
and rows that break the contract: one bad row must not keep the others from being learnt. But where many break
it, they may be the very thing that is to be learnt, and leaving them out would pick: that a person decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from ropeway.continuous.retraining.errors import FeedbackOutsideContract, InputsNotKept, KeyNotCarried
from ropeway.continuous.retraining.operations import Gathering, collected_until
from ropeway.core.duration import parse_duration
from ropeway.core.ids import DatasetName
from ropeway.data.add import examine_made
from ropeway.data.contract import broken_rows
from ropeway.data.contract_file import read_contract
from ropeway.data.key_text import key_text
from ropeway.data.kinds import kind_of, parse
from ropeway.data.load import load, require_trainable
from ropeway.data.naming import require_columns
from ropeway.data.operations import list_versions
from ropeway.data.records import DatasetVersion
from ropeway.models.operations import get_model
from ropeway.predictions.history import judged
from ropeway.workspace import Input, Workspace
from ropeway.workspace.tables.policy import Policy

ROWS = "rows"
TRUTH_AT = "__truth_at__"
"""Beside the columns of the data while rows are gathered: when the truth of each came."""
MOST_BROKEN = 0.05
"""A larger share of judged predictions that break the contract is not left out, but told and waited for."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Judged predictions as rows, before anything is written.

    Attributes:
        base: the version that they would be added to.
        rows: new ones, with the columns and types of the base.
        fresh: how many of them have a truth that came after those that were collected last.
        known: judged predictions whose key the base has already.
        unusable: those that are left out.
        left_out: that and why, in words; empty when none is.
        outside: as `left_out`, where more of them break the contract than may be left out; else empty.
        since: how far back was looked.
        until: the time of the latest truth; None when there was none.
        models: the versions that had answered.
    """

    base: DatasetVersion
    rows: pl.DataFrame
    fresh: int
    known: int
    unusable: int
    left_out: str
    outside: str
    since: datetime
    until: datetime | None
    models: list[str]


def gather(workspace: Workspace, policy: Policy, name: str) -> Gathered:
    """What feedback there is to learn from that the data does not have yet. Writes nothing.

    Raises:
        InputsNotKept: the log holds hashes of what the model reads, or nothing.
        KeyNotCarried: rows cannot be told apart by a key of the data's own kind.
        ContractViolated, ChecksFailed: no version of the data is sound.
    """
    declared = workspace.project.inputs[ROWS]
    base = newest_sound(workspace, declared.dataset)
    held = load(workspace, base)
    wanted = (declared.key, str(declared.target))
    require_columns(base.name, held.columns, wanted, "[inputs.rows] in ropeway.toml")
    since = workspace.clock.now() - parse_duration(policy.data.last)
    answers = judged(workspace, since=since, environment=policy.environment)
    answers = answers.filter(pl.col("truth").is_not_null() & pl.col("model").str.starts_with(f"{name}@"))
    read = set(get_model(workspace, ref=name).manifest.columns) & set(base.columns)
    _require_kept(workspace, {*read, declared.key})
    rows, why = _rows(answers, held, base, declared, read)
    latest = rows.unique(declared.key, keep="last", maintain_order=True)
    is_known = key_text(latest[declared.key]).is_in(key_text(held[declared.key]).implode())
    new, broken = _within_contract(workspace, base, latest.filter(~is_known))
    why |= broken
    breaking = latest.height - int(is_known.sum()) - new.height
    until = collected_until(workspace, dataset=base.name)
    unusable = answers.height - rows.height + breaking
    left_out = _left_out(unusable, answers.height, why)
    return Gathered(
        base=base,
        rows=new.drop(TRUTH_AT),
        fresh=new.height if until is None else new.filter(pl.col(TRUTH_AT) > until).height,
        known=int(is_known.sum()),
        unusable=unusable,
        left_out=left_out,
        outside=left_out if breaking > MOST_BROKEN * latest.height else "",
        since=since,
        until=answers["truth_at"].max() if answers.height else None,  # type: ignore[arg-type]
        models=sorted(set(answers["model"])),
    )


def require_within_contract(gathered: Gathered) -> None:
    """Refuse to learn from what is left when much of what was judged breaks the contract.

    Raises:
        FeedbackOutsideContract: more than `MOST_BROKEN` of it does.
    """
    if gathered.outside:
        raise FeedbackOutsideContract(gathered.base.name, gathered.outside)


def put_together(workspace: Workspace, policy: Policy, name: str, gathered: Gathered) -> Gathering:
    """Write the new version's bytes and hold them against the contract; what is recorded is given back."""
    base = gathered.base
    assert gathered.until is not None, "rows come of truth, which has a time"
    frame = pl.concat([load(workspace, base), gathered.rows], how="vertical")
    found = examine_made(
        workspace,
        frame,
        name=DatasetName(base.name),
        label_columns=base.label_columns,
        source=f"{base.shown} and feedback on '{name}' in {policy.environment}",
    )
    return Gathering(
        found=found,
        base=base.reference,
        rows=gathered.rows.height,
        known=gathered.known,
        unusable=gathered.unusable,
        left_out=gathered.left_out,
        since=gathered.since,
        until=gathered.until,
        models=gathered.models,
    )


def newest_sound(workspace: Workspace, dataset: str) -> DatasetVersion:
    """The newest version of a dataset that keeps its contract.

    A version that breaks it stays on record, and the next one is made of what was sound before.

    Raises:
        DatasetNotFound: there is no such dataset.
        ContractViolated, ChecksFailed, ContractChanged: none of its versions is sound.
    """
    versions = list_versions(workspace, name=dataset.partition("@")[0])
    sound = [version for version in versions if version.is_trainable]
    if not sound:
        require_trainable(versions[-1])
    return sound[-1]


def _require_kept(workspace: Workspace, needed: set[str]) -> None:
    """Refuse a log that does not hold what rows are made of."""
    ways = workspace.project.log.columns
    lost = {column: ways[column] for column in sorted(needed) if ways.get(column, "kept") != "kept"}
    if lost:
        raise InputsNotKept(lost)


def _within_contract(
    workspace: Workspace, base: DatasetVersion, rows: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that break no rule on values, and how many break each: one row may break several."""
    standing = read_contract(workspace.root, base.name)
    if standing is None or not rows.height:
        return rows, {}
    found = broken_rows(rows.drop(TRUTH_AT), standing[0])
    is_broken = pl.Series([False] * rows.height, dtype=pl.Boolean)
    why: dict[str, int] = {}
    for violation, mask in found:
        is_broken |= mask
        # What stood there is not told: what is recorded of a retraining cannot be erased.
        rule = "has no value" if violation.rule == "nulls" else f"is not {violation.expected}"
        why[f"'{violation.column}' {rule}"] = int(mask.sum())
    return rows.filter(~is_broken), why


def _left_out(unusable: int, judged: int, why: Mapping[str, int]) -> str:
    """How many judged predictions are left out, and why, in words."""
    if not unusable:
        return ""
    reasons = "; ".join(f"{count:,}: {reason}" for reason, count in why.items() if count)
    return f"{unusable:,} of {judged:,} judged predictions ({unusable / judged:.1%}) are left out ({reasons})"


def _as_kept(ordered: pl.DataFrame, read: set[str], key: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What each request gave, as far as the log kept it as it came; and what is lost that a row needs."""
    given, lost = [], []
    columns = ordered.select("inputs", "carried", "hashed", "dropped")
    for inputs, carried, hashed, dropped in columns.iter_rows():
        # How the log was told to keep a column then, whatever it is told now.
        changed = {*(_value(hashed) or []), *(_value(dropped) or [])}
        values = {**_decoded(carried), **_decoded(inputs)}
        given.append({name: value for name, value in values.items() if name not in changed})
        lost.append(min(changed & {*read, key}, default=""))
    return given, lost


def _rows(
    answers: pl.DataFrame, held: pl.DataFrame, base: DatasetVersion, declared: Input, read: set[str]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Answers as rows of the base's columns, the latest truth last; and why others could not be used."""
    ordered = answers.sort("truth_at", "at", "id")
    given, lost = _as_kept(ordered, read, declared.key)
    truths = [_value(text) for text in ordered["truth"]]
    keys = _keys(given, ordered["id"].to_list(), held[declared.key].dtype, base, declared)
    columns: list[pl.Series] = []
    is_sound = pl.Series([not column for column in lost], dtype=pl.Boolean)
    why = {f"'{name}' was not kept in the log": lost.count(name) for name in sorted(set(lost) - {""})}
    for column, dtype in held.schema.items():
        if column == declared.key:
            values, is_needed = keys, True
        elif column == declared.target:
            values, is_needed = truths, True
        elif column in base.label_columns:
            # What labels were made of: nobody rated these rows, somebody said what they are.
            values, is_needed = [None] * len(given), False
        else:
            values, is_needed = [row.get(column) for row in given], False
        series = _fitted(column, values, dtype)
        fits = series.is_not_null()
        if not is_needed:
            fits |= pl.Series([value is None for value in values], dtype=pl.Boolean)
        why[f"'{column}' lacks a value or has one of another kind"] = int((is_sound & ~fits).sum())
        is_sound &= fits
        columns.append(series)
    return pl.DataFrame([*columns, ordered["truth_at"].alias(TRUTH_AT)]).filter(is_sound), why


def _keys(
    given: Sequence[Mapping[str, Any]],
    ids: Sequence[str],
    dtype: pl.DataType,
    base: DatasetVersion,
    declared: Input,
) -> list[Any]:
    """The key that each request carried; where it carried none, the prediction's own id."""
    kind = kind_of(dtype)
    carried = [row.get(declared.key) for row in given]
    if kind == "text":
        return [
            identity if key is None else key if isinstance(key, str) else str(key)
            for key, identity in zip(carried, ids, strict=True)
        ]
    if given and all(key is None for key in carried):
        raise KeyNotCarried(base.name, declared.key, kind)
    return carried


def _fitted(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    """Values of JSON as a column of the data's type; missing where one does not fit."""
    kind = kind_of(dtype)
    match kind:
        case "text":
            series = pl.Series(name, [value if isinstance(value, str) else None for value in values])
        case "boolean":
            series = pl.Series(name, [value if isinstance(value, bool) else None for value in values])
        case "integer" | "number":
            numbers = [value if type(value) in (int, float) else None for value in values]
            if kind == "integer":
                numbers = [None if value is None or value != int(value) else int(value) for value in numbers]
            series = pl.Series(name, numbers, dtype=None if kind == "integer" else pl.Float64, strict=False)
        case "date" | "datetime":
            texts = [value if isinstance(value, str) else None for value in values]
            series = parse(pl.Series(name, texts, dtype=pl.String), kind)[0]
        case _:
            return pl.Series(name, values, dtype=dtype, strict=False)
    return series.cast(dtype, strict=False)


def _decoded(text: str | None) -> dict[str, Any]:
    found = msgspec.json.decode(text) if text else {}
    return found if isinstance(found, dict) else {}


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
