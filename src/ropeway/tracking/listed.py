"""Whether a value is one of many, as a condition with one parameter, whatever their number.

A statement with a parameter for each value is put together anew for each number of them, and SQLite takes
32,766. These are built once, and the values told with each call: a statement is kept for the next like it,
and would keep with it what it held itself.
"""

from collections.abc import Sequence
from typing import Any, Self

import msgspec
from sqlalchemy import BindParameter, ColumnElement, String, bindparam, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType

LISTED = "listed"
"""The parameter that has the values."""


def one_of(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column is one of the values in the parameter `LISTED`."""
    return _one_of(column, bindparam(LISTED, type_=String))


def as_list(values: Sequence[object]) -> str:
    """Values as the parameter holds them."""
    return msgspec.json.encode(values).decode()


class _one_of(FunctionElement[bool]):  # noqa: N801  a function to SQL
    """A column and a JSON array."""

    type = true().type
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], listed: BindParameter[str]) -> None:
        super().__init__(column, listed)

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002
        """As it is: with a comparison to 1 around it, no index would be asked."""
        return self


@compiles(_one_of)
def _compile(element: Any, compiler: Any, **options: Any) -> str:
    column, listed = (compiler.process(each, **options) for each in element.clauses)
    kind = compiler.dialect.type_compiler_instance.process(next(iter(element.clauses)).type)
    # For each of an array an index is asked; with a set, PostgreSQL may join the whole table.
    values = f"SELECT CAST(each AS {kind}) FROM json_array_elements_text(CAST({listed} AS json)) AS each"
    return f"({column} = ANY(ARRAY({values})))"


@compiles(_one_of, "sqlite")
def _compile_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, listed = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({listed})))"
