"""Whether a SQLite file is sound, and still says what it was made to say: pages, guards, tables."""

from sqlalchemy import Connection, Table, inspect, text

from ropeway.ledger import tables

TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {tables.trigger_name(table, does)} BEFORE {does} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
    for table, does, says in tables.FORBIDDEN
)


def problems_of(connection: Connection) -> list[str]:
    """Pages and indexes that are not whole, triggers that are gone or changed, tables of another shape."""
    found = [
        f"the database says: {each}"
        for each in connection.execute(text("PRAGMA integrity_check")).scalars()
        if each != "ok"
    ]
    return [*found, *_of_triggers(connection), *_of_tables(connection)]


def _of_triggers(connection: Connection) -> list[str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    standing = {row.name: _words(row.sql) for row in rows}
    expected = {_words(trigger).split()[2]: _words(trigger) for trigger in TRIGGERS}
    changed = [
        f"the trigger '{name}' is not as it was made"
        for name, words in expected.items()
        if name in standing and standing[name] != words
    ]
    return tables.unguarded(set(standing)) + changed


def _of_tables(connection: Connection) -> list[str]:
    """Tables of truth whose columns are not those that were made: a bit flipped in the schema's own text."""
    there = inspect(connection)
    names = set(there.get_table_names())
    found = []
    for table in tables.recorded.sorted_tables:
        if table.name not in names:
            found.append(f"the table '{table.name}' is gone")
        elif _shape(connection, table.name) != _made(connection, table):
            found.append(f"the table '{table.name}' has not the columns that it was made with")
    return found


def _shape(connection: Connection, name: str) -> list[tuple[str, str, bool]]:
    rows = connection.execute(
        text('SELECT name, type, "notnull" FROM pragma_table_info(:name) ORDER BY cid'), {"name": name}
    )
    return [(row[0], row[1], bool(row[2])) for row in rows]


def _made(connection: Connection, table: Table) -> list[tuple[str, str, bool]]:
    return [
        (column.name, column.type.compile(connection.dialect), not column.nullable)
        for column in table.columns
    ]


def _words(sql: str) -> str:
    return " ".join(sql.replace("IF NOT EXISTS ", "").split())
