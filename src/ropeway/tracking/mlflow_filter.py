r"""MLflow's filters and orders, read as MLflow reads them: what it refuses is refused here, in its words.

    filter   = clause { [AND] clause }
    clause   = field comparator value | field [NOT] IN ( 'text' , … ) | field IS [NOT] NULL
    field    = [family .] key; a key with odd characters stands in `backticks`, "quotes" or 'quotes'
    value    = number | 'text' | "text"

Quotes have no escape: `'it''s'` is the text `it''s`, as it is there. Which families and keys there are, and
what may be compared how, is in `tracking.mlflow_fields`. Our own language reads all of this and more:
`tracking.filter`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ropeway.tracking.errors import FilterTooLarge, MlflowFilterInvalid
from ropeway.tracking.expression import (
    And,
    Comparison,
    Expression,
    Field,
    In,
    Leaf,
    Like,
    Missing,
    Not,
    Value,
)
from ropeway.tracking.mlflow_fields import (
    FAMILY_NAMES,
    LIST_COMPARATORS,
    NULL_COMPARATORS,
    NUMBER_COMPARATORS,
    RUNS,
    TEXT_COMPARATORS,
    Fields,
)

LENGTH_LIMIT = 100_000
CLAUSE_LIMIT = 200
LISTED_LIMIT = 8_000
"""Values in all lists of a filter. SQLite takes 32,766 in a query, where a filter may stand three times."""
ORDER_LIMIT = 31
"""SQLite joins 64 tables, and runs by a metric take two each."""

_PART = r"""`(?:``|[^`])*`|"(?:""|\\"|[^"])*"|'[^']*'|\w+(?:\[\w*\])*"""
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<note>--[^\n]*|/\*.*?\*/)
    | (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'(?:''|\\'|[^'])*')
    | (?P<list>\((?:[^()'"]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")*\))
    | (?P<name>(?:{_PART})(?:(?:\.(?:{_PART}))+\([\w\s,]*\)|(?:\.(?:{_PART}))*\.?))
    | (?P<comparator>[<>=!~]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ITEM = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|-?[\d.]+""", re.DOTALL)
_LIST = re.compile(rf"(?:{_ITEM.pattern})(?:\s*,\s*(?:{_ITEM.pattern}))*\s*,?", re.DOTALL)
# Words that are no field, whatever follows them.
_KEYWORDS = {
    "and", "or", "not", "in", "is", "null", "between", "true", "false", "exists", "any", "all", "where",
    "like", "ilike", "rlike", "regexp", "select",
}  # fmt: skip
_WORDS = ("LIKE", "ILIKE", "RLIKE", "REGEXP")


def parse_mlflow_filter(text: str, fields: Fields = RUNS) -> Expression:
    """Read a filter as MLflow does; an empty one lets everything through.

    Args:
        text: the filter.
        fields: what it may name: RUNS, EXPERIMENTS, REGISTERED_MODELS, MODEL_VERSIONS or LOGGED_MODELS.

    Raises:
        MlflowFilterInvalid: MLflow would refuse it, in these words.
        FilterTooLarge: too long, too many clauses, or too many values in lists.

    Example:
        >>> parse_mlflow_filter("metrics.acc > 0.9").parts
        (Comparison(field=Field(family='metrics', key='acc'), operator='>', value=0.9),)
    """
    parts = tuple(_condition(clause, fields) for clause in clauses_in(text))
    listed = sum(len(part.values) for part in parts if isinstance(part, In))
    if listed > LISTED_LIMIT:
        raise FilterTooLarge("values in lists", listed, LISTED_LIMIT)
    return And(parts)


def clauses_in(text: str) -> "list[Clause]":
    """The clauses of a filter, whatever their fields mean; refuses what `parse_mlflow_filter` does."""
    if len(text) > LENGTH_LIMIT:
        raise FilterTooLarge("characters", len(text), LENGTH_LIMIT)
    tokens = [token for token in _scan(text) if token.kind != "space"]
    clauses, unread = _clauses(tokens)
    if unread:
        _refuse_rest(text, tokens, unread)
    if len(clauses) > CLAUSE_LIMIT:
        raise FilterTooLarge("comparisons", len(clauses), CLAUSE_LIMIT)
    return clauses


def order_in(text: str) -> tuple[str, bool]:
    """The name in a key to order by, and whether the highest comes first; see `parse_mlflow_order`."""
    if len(text) > LENGTH_LIMIT:
        raise FilterTooLarge("characters in a field to order by", len(text), LENGTH_LIMIT)
    tokens = _scan(text)
    if [token.kind for token in tokens] not in (["name"], ["name", "space", "name"]):
        raise MlflowFilterInvalid(f"Invalid order_by clause '{text}'. Could not be parsed.")
    way = tokens[-1].text.lower() if len(tokens) > 1 else "asc"
    if way not in ("asc", "desc"):
        raise MlflowFilterInvalid(f"Invalid ordering key in order_by clause '{text}'.")
    return tokens[0].text, way == "desc"


def parse_mlflow_order(keys: Sequence[str], fields: Fields = RUNS) -> list[tuple[Field, bool]]:
    """Read `order_by` as MLflow does: each field, with whether the highest comes first.

    Raises:
        MlflowFilterInvalid: MLflow would refuse it, in these words.
        FilterTooLarge: too many keys, or one too long.

    Example:
        >>> parse_mlflow_order(["metrics.acc DESC", "start_time"])[0]
        (Field(family='metrics', key='acc'), True)
    """
    if len(keys) > ORDER_LIMIT:
        raise FilterTooLarge("fields to order by", len(keys), ORDER_LIMIT)
    found = [_order_key(key, fields) for key in keys]
    if len({field for field, _ in found}) < len(found):
        raise MlflowFilterInvalid(f"`order_by` contains duplicate fields: {list(keys)}")
    return found


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a filter."""

    kind: str
    text: str

    def is_word(self, *words: str) -> bool:
        """Whether it is one of some words, in any case."""
        return self.kind == "name" and self.text.upper() in words

    @property
    def is_field(self) -> bool:
        """Whether it may name a field."""
        return self.kind == "name" and self.text.lower() not in _KEYWORDS


@dataclass(frozen=True, slots=True)
class Clause:
    """A comparison as it is written; no value where it asks for NULL."""

    field: str
    comparator: str
    value: Token | None


def _scan(text: str) -> list[Token]:
    return [Token(match.lastgroup or "other", match.group()) for match in _TOKEN.finditer(text)]


def _clauses(tokens: Sequence[Token]) -> tuple[list[Clause], list[Token]]:
    """The clauses, and the tokens that belong to none."""
    clauses: list[Clause] = []
    unread: list[Token] = []
    at = 0
    while at < len(tokens):
        if tokens[at].is_word("AND"):
            at += 1
            continue
        found = _clause(tokens[at : at + 4])
        if found is None:
            unread.append(tokens[at])
            at += 1
            continue
        clause, length = found
        clauses.append(clause)
        at += length
    return clauses, unread


def _clause(tokens: Sequence[Token]) -> tuple[Clause, int] | None:
    """The clause that begins here, and how many tokens it has."""
    first, second, third = [*tokens, *[Token("end", "")] * 2][:3]
    is_operand = first.is_field or first.kind in ("number", "text")
    if is_operand and (second.kind == "comparator" or second.is_word(*_WORDS)):
        if not (third.kind in ("number", "text", "list") or third.is_field or third.is_word("NULL")):
            return None
        if not first.is_field:
            raise MlflowFilterInvalid(
                f"Invalid comparison clause. Expected 'Identifier' found '{first.text}'"
            )
        return Clause(first.text, second.text.upper(), third), 3
    return _list_or_null(tokens) if first.is_field else None


def _list_or_null(tokens: Sequence[Token]) -> tuple[Clause, int] | None:
    first, second, third, fourth = [*tokens, *[Token("end", "")] * 3][:4]
    if second.is_word("IN") and third.kind == "list":
        return Clause(first.text, "IN", third), 3
    if second.is_word("NOT") and third.is_word("IN") and fourth.kind == "list":
        return Clause(first.text, "NOT IN", fourth), 4
    if second.is_word("NOT") and third.is_word("LIKE", "ILIKE") and fourth.kind == "text":
        return Clause(first.text, f"NOT {third.text.upper()}", fourth), 4
    if second.is_word("IS") and third.is_word("NULL"):
        return Clause(first.text, "IS NULL", None), 3
    if second.is_word("IS") and third.is_word("NOT") and fourth.is_word("NULL"):
        return Clause(first.text, "IS NOT NULL", None), 4
    return None


def _refuse_rest(text: str, tokens: Sequence[Token], unread: Sequence[Token]) -> None:
    ends = [index for index, token in enumerate(tokens) if token.text == ";"]
    if ends and ends[0] < len(tokens) - 1:
        raise MlflowFilterInvalid(
            f"Search filter contained multiple expression {text!r}. Provide AND-ed expression list."
        )
    listed = ", ".join(f"'{token.text}'" for token in unread)
    raise MlflowFilterInvalid(f"Invalid clause(s) in filter string: {listed}")


def _condition(clause: Clause, fields: Fields) -> Expression:
    field, is_number = _field(clause.field, fields, fields.attributes)
    if clause.value is None:
        if field.family not in fields.nullable:
            raise MlflowFilterInvalid(_no_null(field, fields))
        missing = Missing(field)
        return missing if clause.comparator == "IS NULL" else Not(missing)
    value = _value(field, clause.value, fields, is_number=is_number)
    return _leaf(field, clause.comparator, value, fields, is_number=is_number)


def _no_null(field: Field, fields: Fields) -> str:
    if "params" in fields.nullable:
        return (
            "IS NULL / IS NOT NULL is only supported for tags and params, "
            f"not for '{FAMILY_NAMES[field.family]}' '{field.key}'"
        )
    return f"IS NULL / IS NOT NULL is only supported for tags, not for attribute '{field.key}'"


def _field(name: str, fields: Fields, attributes: Collection[str]) -> tuple[Field, bool]:
    """The field of a name, and whether it is a number."""
    family_name, dot, key = name.partition(".")
    if not dot:
        family_name, key = "attribute", name
    family_name = family_name[1:-1] if family_name[:1] == "`" else family_name
    family = fields.families.get(family_name) if dot else "attribute"
    if family is None:
        raise MlflowFilterInvalid(f"Invalid entity type '{family_name}'. {fields.family_error}")
    key = unquoted(key, "'\"`")
    if family == "attribute":
        if key not in attributes:
            raise MlflowFilterInvalid(
                f"Invalid attribute key '{key}' specified. Valid keys are '{shown_set(attributes)}'"
            )
        is_number = key in fields.numbers or key not in fields.texts
        return Field(family, fields.attributes.get(key, key)), is_number
    if family == "dataset" and key not in fields.dataset_keys:
        raise MlflowFilterInvalid(
            f"Invalid dataset key '{key}' specified. Valid keys are '{shown_set(fields.dataset_keys)}'"
        )
    return Field(family, key), family == "metrics"


def _value(field: Field, token: Token, fields: Fields, *, is_number: bool) -> Value | tuple[str, ...]:
    """What a field is compared with."""
    if is_number:
        if fields.has_quoted_numbers and re.fullmatch(r"'\d{1,18}'", token.text):
            return int(token.text[1:-1])
        if token.kind != "number":
            raise MlflowFilterInvalid(_no_number(field, token))
        is_whole = field.family == "attribute" and re.fullmatch(r"-?\d+", token.text)
        return int(token.text) if is_whole else float(token.text)
    if token.kind == "list" and field.family in ("attribute", "dataset"):
        if field.family == "attribute" and fields.listed is not None and field.key not in fields.listed:
            raise MlflowFilterInvalid(
                f"Only {sorted(fields.listed)} attributes support comparison with a list of quoted "
                "string values."
            )
        return texts_in(token.text)
    if token.kind == "text" or (token.kind == "name" and token.text[:1] == '"' and token.text[-1:] == '"'):
        return token.text[1:-1]
    if not fields.is_typed and token.kind in ("number", "name"):
        return token.text
    if token.kind == "name" and not token.is_word("NULL"):
        raise MlflowFilterInvalid(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{token.text}. Use either single or double quotes."
        )
    raise MlflowFilterInvalid(_no_text(field, token, fields))


def _no_number(field: Field, token: Token) -> str:
    of = "metric" if field.family == "metrics" else f"numeric attribute: {field.key}"
    return f"Expected numeric value type for {of}. Found {token.text}"


def _no_text(field: Field, token: Token, fields: Fields) -> str:
    if field.is_free:
        return (
            f"Expected a quoted string value for {FAMILY_NAMES[field.family]} (e.g. 'my-value'). "
            f"Got value {token.text}"
        )
    if field.family == "dataset":
        return f"Expected a quoted string value for dataset attributes. Got value {token.text}"
    if fields.nullable:
        return f"Expected a quoted string value for attributes. Got value {token.text}"
    if token.kind == "number" and fields.numbers:
        numbers = {*fields.numbers, *fields.ordered} - {*fields.texts}
        return f"Only the '{shown_set(numbers)}' attributes support comparison with numeric values."
    return (
        "Expected a quoted string value or a list of quoted string values for attributes. "
        f"Got value {token.text}"
    )


def texts_in(text: str) -> tuple[str, ...]:
    """A list of quoted texts, which MLflow reads as Python does."""
    reading = "While parsing a list in the query, expected "
    body = text[1:-1].strip()
    if not body:
        raise MlflowFilterInvalid(f"{reading}a non-empty list of string values, but got empty list")
    if not _LIST.fullmatch(body):
        raise MlflowFilterInvalid(f"{reading}a non-empty list of string values, but got ill-formed list.")
    items = _ITEM.findall(body)
    if any(item[0] not in "'\"" for item in items):
        shown = f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        raise MlflowFilterInvalid(
            f"{reading}string value, punctuation, or whitespace, but got different type in list: {shown}"
        )
    return tuple(re.sub(r"\\(['\"\\])", r"\1", item[1:-1]) for item in items)


def _leaf(
    field: Field, comparator: str, value: Value | tuple[str, ...], fields: Fields, *, is_number: bool
) -> Leaf:
    allowed = NUMBER_COMPARATORS if is_number else LIST_COMPARATORS if not field.is_free else TEXT_COMPARATORS
    if comparator not in allowed:
        named = allowed
        if field.is_free and fields.nullable:
            named = (*TEXT_COMPARATORS, *NULL_COMPARATORS)
        elif field.family == "attribute":
            named = LIST_COMPARATORS
        end = "" if field.family in ("metrics", "tags", "dataset") or (is_number) else "'"
        raise MlflowFilterInvalid(f"Invalid comparator '{comparator}' not one of '{shown_set(named)}{end}")
    if isinstance(value, tuple):
        if comparator in ("LIKE", "ILIKE"):
            raise MlflowFilterInvalid(f"Invalid comparator '{comparator}' before a list")
        return In(field, value, is_negated=comparator in ("!=", "NOT IN"))
    match comparator:
        case "IN" | "NOT IN":
            raise MlflowFilterInvalid(f"Invalid comparator '{comparator}' before one value")
        case "LIKE" | "ILIKE":
            return Like(field, str(value), is_any_case=comparator == "ILIKE")
    return Comparison(field, comparator, value)  # type: ignore[arg-type]  # one of Operator


def _order_key(text: str, fields: Fields) -> tuple[Field, bool]:
    name, is_descending = order_in(text)
    field, _ = _field(name, fields, fields.ordered)
    if field.family == "dataset":
        raise MlflowFilterInvalid("Invalid identifier type 'dataset'")
    return field, is_descending


def unquoted(text: str, quotes: str) -> str:
    """A text without the quotes around it, of those kinds."""
    for quote in quotes:
        if len(text) >= 2 and text[0] == text[-1] == quote:
            return text[1:-1]
    return text


def shown_set(names: Iterable[str]) -> str:
    """Names as Python shows a set, in an order that stays."""
    return "{" + ", ".join(repr(name) for name in sorted(names)) + "}"
