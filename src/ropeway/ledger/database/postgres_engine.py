"""How a connection to PostgreSQL is set up so that it keeps what SQLite keeps, in the same order.

Texts are compared byte by byte ("C"), whole numbers have 64 bits, and a NUL, which PostgreSQL's texts cannot
hold, is written as two other characters that no order notices.
"""

import re
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler

from ropeway.ledger.database.place import PostgresPlace
from ropeway.ledger.errors import PostgresDriverMissing

if TYPE_CHECKING:
    import psycopg

POOL = 10
OVERFLOW = 40
CONNECT_TIMEOUT_S = 10
# A client or server that is gone without a word, its host unplugged, is noticed within about a minute.
KEEPALIVES = {"idle": "20", "interval": "10", "count": "4"}
SESSION = (
    "SELECT set_config('search_path', %s, false), set_config('statement_timeout', '0', false), "
    "set_config('lock_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false), "
    "set_config('tcp_keepalives_idle', %s, false), set_config('tcp_keepalives_interval', %s, false), "
    "set_config('tcp_keepalives_count', %s, false), "
    # What returned survives power loss: no setting of a server or role may trade that for speed.
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
    "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)"
)
ESCAPE = "\x01"
ESCAPED_NUL = ESCAPE + "\x01"
ESCAPED_ESCAPE = ESCAPE + "\x02"
_MEANT = {ESCAPED_NUL: "\x00", ESCAPED_ESCAPE: ESCAPE}
_ESCAPED = re.compile("|".join(_MEANT))


class LedgerTypes(PGTypeCompiler):
    """Types of columns: texts ordered as SQLite orders them, whole numbers as large."""

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802  SQLAlchemy's shape
        """Any text. A column of one is compared byte by byte; a cast needs no order."""
        return 'TEXT COLLATE "C"' if kw.get("type_expression") is not None else "TEXT"

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802
        """A whole number of 64 bits."""
        return "BIGINT"


class LedgerTables(PGDDLCompiler):
    """Tables: no column counts by itself, since a replay must give the same rows."""

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        """As PostgreSQL writes it, without the sequence of 32 bits."""
        written: str = super().get_column_specification(column, **kw)  # type: ignore[no-untyped-call]
        return re.sub(r"\bSERIAL\b", "BIGINT", written)


def open_engine(place: PostgresPlace) -> Engine:
    """An engine on one schema of a database; connects when it is first asked.

    Raises:
        PostgresDriverMissing: psycopg is not installed.
    """
    url = make_url(place.url)
    defaults = {
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        "application_name": "ropeway",
        # Of several hosts the one that can be written to; a standby alone is refused, not read by mistake.
        "target_session_attrs": "read-write",
        **{f"keepalives_{name}": value for name, value in KEEPALIVES.items()},
    }
    url = url.update_query_dict({name: value for name, value in defaults.items() if name not in url.query})
    try:
        engine = create_engine(
            url,
            connect_args={"client_encoding": "utf8"},
            pool_size=POOL,
            max_overflow=OVERFLOW,
            # The last one given back is the next one taken: fewer stay open.
            pool_use_lifo=True,
        )
    except ImportError as error:
        raise PostgresDriverMissing(str(error)) from error
    engine.dialect.type_compiler_instance = LedgerTypes(engine.dialect)
    engine.dialect.ddl_compiler = LedgerTables

    @event.listens_for(engine, "connect")
    def _configure(connection: "psycopg.Connection[Any]", _record: object) -> None:
        _write_nul_otherwise(connection)
        with connection.cursor() as cursor:
            cursor.execute(SESSION, (f'"{place.schema}"', *KEEPALIVES.values()))
        connection.commit()

    return engine


def escape(text: str) -> str:
    """A text without NUL that stands for this one, and sorts as it does."""
    if "\x00" not in text and ESCAPE not in text:
        return text
    return text.replace(ESCAPE, ESCAPED_ESCAPE).replace("\x00", ESCAPED_NUL)


def unescape(text: str) -> str:
    """The text that was meant."""
    if ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda found: _MEANT[found[0]], text)


def _write_nul_otherwise(connection: "psycopg.Connection[Any]") -> None:
    """Let texts go through `escape` on their way in, and `unescape` on their way out."""
    dumper, loader = _adapters()
    connection.adapters.register_dumper(str, dumper)
    for name in ("text", "varchar"):
        connection.adapters.register_loader(name, loader)


def _adapters() -> tuple[type["psycopg.abc.Dumper"], type["psycopg.abc.Loader"]]:
    from psycopg.types.string import StrDumperUnknown, TextLoader

    class Escaping(StrDumperUnknown):
        """Texts on their way in."""

        def dump(self, obj: str) -> Any:
            return super().dump(escape(obj))

    class Unescaping(TextLoader):
        """Texts on their way out."""

        def load(self, data: Any) -> str:
            return unescape(cast("str", super().load(data)))

    return Escaping, Unescaping
