"""Whether a PostgreSQL server and database can be trusted with a ledger."""

from sqlalchemy import Connection, text

from ropeway.ledger import tables
from ropeway.ledger.errors import LedgerUnsuited

OLDEST = 14
ENCODING = "UTF8"
UNSAFE = ("fsync", "full_page_writes")
"""Settings of the server that must be on, or power loss may take what was acknowledged."""
FAILURES = text(
    "SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database WHERE datname = current_database()"
)


def check_server(connection: Connection, name: str) -> None:
    """Refuse a server that is too old, or a database that cannot hold every text.

    Raises:
        LedgerUnsuited: it is one of the two.
    """
    version = int(_setting(connection, "server_version_num")) // 10_000
    if version < OLDEST:
        raise LedgerUnsuited(name, f"the server is PostgreSQL {version}", f"PostgreSQL {OLDEST} or newer")
    encoding = _setting(connection, "server_encoding")
    if encoding != ENCODING:
        raise LedgerUnsuited(name, f"the database's encoding is {encoding}", f"a database in {ENCODING}")


def problems_of(connection: Connection) -> list[str]:
    """Settings that lose data, pages that failed their checksum, broken indexes, triggers that are gone."""
    found = [
        f"the server runs with {name} = off: power loss may take what was acknowledged"
        for name in UNSAFE
        if _setting(connection, name) == "off"
    ]
    failures = connection.execute(FAILURES).scalar_one()
    if failures:
        found.append(f"{failures} pages of the database failed their checksum")
    broken = connection.execute(
        text(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)"
        )
    )
    found += [f"the index '{name}' is not whole" for name in broken.scalars()]
    triggers = connection.execute(
        text(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            # 'D' is a trigger that somebody has switched off.
            "WHERE n.nspname = current_schema() AND NOT t.tgisinternal AND t.tgenabled <> 'D'"
        )
    )
    return found + tables.unguarded(set(triggers.scalars()))


def _setting(connection: Connection, name: str) -> str:
    value: str = connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()
    return value
