"""Whether a SQLite file is sound, and still says what it was made to say: pages, guards, tables."""

from sqlalchemy import Connection, create_engine, text

from ropeway.ledger import tables
from ropeway.ledger.making import make

TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {tables.trigger_name(table, does)} BEFORE {does} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
    for table, does, says in tables.FORBIDDEN
) + tuple(
    f"CREATE TRIGGER IF NOT EXISTS {tables.trigger_name(table, does)} BEFORE {does} ON {table} "
    f"WHEN NOT EXISTS ({unless}) BEGIN SELECT RAISE(ABORT, '{says}'); END"
    for table, does, says, unless in (tables.ERASED_FIRST,)
)


def problems_of(connection: Connection) -> list[str]:
    """Pages and indexes that are not whole, triggers and a schema that are not as they were made."""
    found = [
        f"the database says: {each}"
        for each in connection.execute(text("PRAGMA integrity_check")).scalars()
        if each != "ok"
    ]
    return [*found, *_of_triggers(connection), *_of_schema(connection)]


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


def _of_schema(connection: Connection) -> list[str]:
    """Tables and indexes that the file does not describe as they were made."""
    engine = create_engine("sqlite://")
    with engine.begin() as fresh:
        make(fresh, tables.recorded)
        make(fresh, tables.projected)
        made = _described(fresh)
    engine.dispose()
    there = _described(connection)
    return [
        f"the file does not describe '{name}' as it was made"
        for name in sorted(made.keys() | there.keys())
        if made.get(name) != there.get(name)
    ]


def _described(connection: Connection) -> dict[str, list[object]]:
    """What SQLite understands of each table and index."""
    listed = connection.execute(
        text(
            "SELECT type, name, tbl_name FROM sqlite_master "
            # What the planner counted is nobody's data.
            "WHERE type <> 'trigger' AND name NOT LIKE 'sqlite_stat%'"
        )
    ).all()
    columns = text('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(:name)')
    indexes = text('SELECT name, "unique" FROM pragma_index_list(:name) ORDER BY name')
    of_index = text("SELECT seqno, name FROM pragma_index_info(:name)")
    found: dict[str, list[object]] = {}
    for kind, name, of in listed:
        question = of_index if kind == "index" else columns
        rows = [tuple(row) for row in connection.execute(question, {"name": name})]
        also = [tuple(row) for row in connection.execute(indexes, {"name": name})] if kind == "table" else []
        found[name] = [kind, of, rows, also]
    return found


def _words(sql: str) -> str:
    return " ".join(sql.replace("IF NOT EXISTS ", "").split())
