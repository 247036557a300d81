"""The statements that make tables, written once a process: to write them costs more than to send them."""

from collections.abc import Collection

from sqlalchemy import Connection, Dialect, Index, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable

LONG = "long"
"""In a column's `info`: its text may be longer than an index of PostgreSQL takes, which is 2,704 bytes."""
INDEXED = 600
"""Characters of such a text that are in an index there."""

# By the name: every database that is opened has a dialect of its own, and those of one name write alike.
_written: dict[tuple[Table, str], tuple[str, ...]] = {}


def make(connection: Connection, metadata: MetaData, *, there: Collection[str] = ()) -> None:
    """Make tables with their indexes, but for those that are there."""
    for table in metadata.sorted_tables:
        if table.name not in there:
            for statement in statements(table, connection.dialect):
                connection.exec_driver_sql(statement)


def statements(table: Table, dialect: Dialect | None = None) -> tuple[str, ...]:
    """What makes a table and its indexes; without a dialect in SQLAlchemy's own words."""
    key = table, dialect.name if dialect is not None else ""
    if key not in _written:
        indexes = sorted(_index(index, dialect) for index in table.indexes)
        _written[key] = str(CreateTable(table).compile(dialect=dialect)), *indexes
    return _written[key]


def _index(index: Index, dialect: Dialect | None) -> str:
    said = str(CreateIndex(index).compile(dialect=dialect))
    if dialect is None or dialect.name != "postgresql":
        return said
    for column in index.columns:
        if column.info.get(LONG):
            name = dialect.identifier_preparer.format_column(column)
            said = said.replace(f", {name},", f", left({name}, {INDEXED}),")
    return said
