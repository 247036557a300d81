"""The contract as a file that people read, review and edit: `contracts/NAME.toml`."""

import json
import re
import tomllib
from pathlib import Path

import msgspec

from ropeway.core.errors import did_you_mean
from ropeway.data.contract import Category, ColumnRule, Contract
from ropeway.data.errors import ContractFileBroken
from ropeway.data.infer import Inferred
from ropeway.data.standing import contract_name
from ropeway.store.files import in_our_words, publish, write_all

READABLE = 0o644

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write_contract(root: Path, scratch: Path, name: str, text: str) -> None:
    """Put the contract's file in its place, whole or not at all.

    Args:
        root: the project's folder.
        scratch: a folder on the same disk for what is not whole yet.
        name: the dataset.
        text: what the file says.
    """
    path = root / contract_name(name)
    with in_our_words(root):
        path.parent.mkdir(exist_ok=True)
    publish(
        path, scratch, lambda descriptor: write_all(descriptor, text.encode()), durable=True, mode=READABLE
    )


def read_contract(root: Path, name: str) -> tuple[Contract, str] | None:
    """The contract's file as it now stands, with its text; None when there is none.

    Raises:
        ContractFileBroken: it is not sound TOML, or has an unknown or mistyped rule.
    """
    path = root / contract_name(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, OSError) as error:
        raise ContractFileBroken(contract_name(name), str(error)) from error
    return parse_contract(text, contract_name(name)), text


def parse_contract(text: str, file: str) -> Contract:
    """A contract from its file's text; `file` is named in errors."""
    try:
        return msgspec.convert(tomllib.loads(text), Contract)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        reason = str(error).replace("Object contains", "it has").replace(" - at `$.", " in `")
        unknown = re.search(r"unknown field `(.+?)`", reason)
        rules = [*Contract.__struct_fields__, *ColumnRule.__struct_fields__]
        hint = did_you_mean(unknown[1], rules).rstrip("?") if unknown else ""
        raise ContractFileBroken(file, reason + (f".{hint}" if hint else "")) from error


def render_contract(name: str, inferred: Inferred, rows: int) -> str:
    """The text of a contract's file, each rule with the reason for it."""
    contract, notes = inferred.contract, inferred.notes
    lines = [
        f'# The contract of the dataset "{name}", inferred from its first arrival of {rows:,} rows.',
        "# Review it and edit it freely: it is yours. A version that breaks it is kept and shown, but cannot",
        f"# train. After an edit:  ropeway data check {name}",
    ]
    if inferred.about:
        lines.append(f"# Note: {inferred.about}.")
    lines += [
        "",
        f"unique = {_value(list(contract.unique))}  # tells the rows apart: {inferred.unique_note}",
        f'other_columns = "{contract.other_columns}"  # columns not named below: "refuse" or "allow"',
        f"min_rows = {contract.min_rows}",
        "",
        "# For each column: type; nulls (the largest share of missing values, 0 for none); min and max (of a",
        "# list: of its items); categories; required = false where the column may be absent.",
    ]
    for column, rule in contract.columns.items():
        key = column if _BARE_KEY.fullmatch(column) else _value(column)
        lines += ["", f"[columns.{key}]", *_rule_lines(rule, notes.get(column, {}))]
    return "\n".join(lines) + "\n"


def _rule_lines(rule: ColumnRule, notes: dict[str, str]) -> list[str]:
    pairs: list[tuple[str, str]] = [("type", _value(rule.type))]
    if rule.nulls < 1:
        pairs.append(("nulls", _value(rule.nulls)))
    if rule.min is not None:
        pairs.append(("min", _value(rule.min)))
    if rule.max is not None:
        pairs.append(("max", _value(rule.max)))
    if rule.categories is not None:
        pairs.append(("categories", _value(rule.categories)))
    return [f"{name} = {value}" + (f"  # {notes[name]}" if name in notes else "") for name, value in pairs]


def _value(value: Category | list[str] | list[Category]) -> str:
    """A value as TOML writes it."""
    match value:
        case list():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case int():
            return str(value)
        case str():
            # JSON's strings are TOML's, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
