"""Sessions: a token exchanged for a secret of its own, which a browser keeps; and when tokens were last used.

Neither is history: both tables change without an event.
"""

from datetime import timedelta

from sqlalchemy import delete, insert, select

from ropeway.core.clock import Clock, to_text
from ropeway.ledger import Ledger
from ropeway.members.access import Access
from ropeway.members.projections import session, token_use
from ropeway.members.secrets import SESSION, Secret, draw

LASTS = timedelta(hours=12)
"""A session is over after this time, or with its token."""
MAX_SESSIONS = 20
"""Sessions of one token; a further one ends the oldest."""
USE_LENGTH = len("2026-05-03T09")
"""Uses are told to the hour."""


def begin_session(ledger: Ledger, access: Access, clock: Clock) -> tuple[Secret, str]:
    """Begin a session for who came with a token; gives its secret, and when it is over."""
    secret = draw(SESSION)
    began = clock.now()
    until = min(access.expires_at, to_text(began + LASTS))
    credential = access.caller.credential
    with ledger.transaction() as transaction:
        connection = transaction.connection
        connection.execute(delete(session).where(session.c.expires_at <= to_text(began)))
        newest = (
            select(session.c.id)
            .where(session.c.token == credential)
            .order_by(session.c.began_at.desc(), session.c.id)
            .limit(MAX_SESSIONS - 1)
        )
        connection.execute(
            delete(session).where((session.c.token == credential) & session.c.id.not_in(newest))
        )
        connection.execute(
            insert(session).values(
                id=secret.id,
                token=credential,
                digest=secret.digest,
                began_at=to_text(began),
                expires_at=until,
            )
        )
    return secret, until


def end_session(ledger: Ledger, id: str) -> None:  # noqa: A002  the session's
    """End a session; one that is over already is nothing to end."""
    with ledger.transaction() as transaction:
        transaction.connection.execute(delete(session).where(session.c.id == id))


def note_use(ledger: Ledger, token: str, hour: str) -> None:
    """Note in which hour a token was used, unless another process has noted it already."""
    with ledger.transaction() as transaction:
        connection = transaction.connection
        known = connection.execute(select(token_use.c.used_at).where(token_use.c.token == token)).scalar()
        if known is not None and known >= hour:
            return
        connection.execute(delete(token_use).where(token_use.c.token == token))
        connection.execute(insert(token_use).values(token=token, used_at=hour))
