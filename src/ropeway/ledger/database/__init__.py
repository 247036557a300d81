"""What lies below the ledger: SQLite in a file, or a schema of a PostgreSQL database, behind one port.

The journal and the rooms know the port and SQLAlchemy Core. What differs between the two (the write turn, the
triggers, the errors, what is checked) lives here and nowhere else.
"""

from ropeway.ledger.database.place import Place, PostgresPlace, place_from
from ropeway.ledger.database.port import Database, Hold, Watch, open_database, peek
from ropeway.ledger.database.sqlite import driver

__all__ = [
    "Database",
    "Hold",
    "Place",
    "PostgresPlace",
    "Watch",
    "driver",
    "open_database",
    "peek",
    "place_from",
]
