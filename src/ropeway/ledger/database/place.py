"""Where a ledger is: a file, or a schema of a PostgreSQL database, from how people write it."""

import re
from pathlib import Path

import msgspec

from ropeway.ledger.errors import LedgerPlaceInvalid

SQLITE = "sqlite"
"""How people write the default: the file in the workspace's own folder."""
SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
LONGEST_NAME = 63
"""PostgreSQL cuts longer names without a word."""
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]*")


class PostgresPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A schema of a PostgreSQL database: one for each workspace.

    Args:
        url: as SQLAlchemy writes it, without the schema; may hold a password.
        schema: the schema's name.
    """

    url: str
    schema: str

    @property
    def name(self) -> str:
        """The URL for people: with the schema, without the password."""
        from sqlalchemy import make_url

        # `set` takes None for "as it is".
        url = make_url(self.url)._replace(drivername="postgresql", password=None)
        return url.update_query_dict({"schema": self.schema}).render_as_string()


Place = Path | PostgresPlace


def place_from(text: str, file: Path, project: str) -> Place:
    """The place that a setting names.

    Args:
        text: empty or `sqlite` for the default file; else `postgresql://host/database?schema=name`.
        file: the default file.
        project: the project's name, of which the schema's is made when the URL names none.

    Raises:
        LedgerPlaceInvalid: it names neither.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if text in ("", SQLITE):
        return file
    try:
        url = make_url(text)
    # A port that is no number is a ValueError of its own.
    except (ArgumentError, ValueError) as error:
        # The text may hold a password, and is not repeated.
        raise LedgerPlaceInvalid("it cannot be read as a URL") from error
    if url.drivername not in SCHEMES:
        raise LedgerPlaceInvalid(f"it begins with '{url.drivername}:'")
    if not url.database:
        raise LedgerPlaceInvalid("it names no database")
    given = url.query.get("schema", _schema_of(project))
    if not isinstance(given, str) or not _SCHEMA.fullmatch(given) or len(given) > LONGEST_NAME:
        raise LedgerPlaceInvalid(
            "`schema` must be one name of small letters, digits and '_', 63 at most, no digit first"
        )
    bare = url.difference_update_query(["schema"]).set(drivername="postgresql+psycopg")
    return PostgresPlace(url=bare.render_as_string(hide_password=False), schema=given)


def _schema_of(project: str) -> str:
    return f"ropeway_{re.sub(r'[^a-z0-9]+', '_', project.lower())}"[:LONGEST_NAME]
