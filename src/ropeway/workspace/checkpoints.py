"""Who signs the ledger's heads, and when: every 1,000 events, after 60 seconds, and on closing.

A checkpoint is signed after the commit that made it due, never under the write lock, and lands in this
order: the database, the workspace's file of heads, the project's `[audit] heads`, the user's folder. What a
kill leaves out is caught up by the next one. A command never fails for it: what it did is durable already.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, insert, select

from ropeway.core import merkle
from ropeway.core.note import Checkpoint, Signer, checkpoint_text, parse_checkpoint, parse_verifier
from ropeway.ledger import Ledger
from ropeway.ledger.journal import get_meta, set_meta
from ropeway.ledger.tables import checkpoint
from ropeway.ledger.tree import reader, root_at, size_of
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.store.files import publish, write_all
from ropeway.workspace.errors import HeadContradicts
from ropeway.workspace.heads import HeadLine, HeadsFile
from ropeway.workspace.keyring import Keyring

EVERY_EVENTS = 1_000
EVERY_S = 60.0
VERIFIER = "verifier"
"""The entry of `meta` with the key that signs this ledger's heads."""
HEADS = "heads"
OWN_HEADS = "checkpoints"
OWN_KEY = "key.pub"

log = logging.getLogger(__name__)


class Checkpoints:
    """Signs the heads of one open workspace. May be called from several threads.

    Args:
        ledger: the history.
        home: the workspace's folder, for its own file of heads.
        user: the user's folder.
        elsewhere: the file of `[audit] heads` for a ledger's id, or None; asked when something is signed.
    """

    def __init__(
        self, ledger: Ledger, home: Path, user: Callable[[], Path], elsewhere: Callable[[str], Path | None]
    ) -> None:
        self._ledger = ledger
        self._home = home
        self._user = user
        self._elsewhere = elsewhere
        self._unsigned = 0
        self._signed_at = time.monotonic()
        self._turn = threading.Lock()
        self._timer: threading.Timer | None = None

    def note_commit(self, appended: int) -> None:
        """Some events are durable; sign if that is due."""
        self._unsigned += appended
        if self._unsigned >= EVERY_EVENTS or time.monotonic() - self._signed_at >= EVERY_S:
            self.sign()
        elif self._timer is None:
            # A server may write once and then be idle for hours.
            self._timer = threading.Timer(EVERY_S, self.sign)
            self._timer.daemon = True
            self._timer.start()

    def sign(self) -> None:
        """Sign a head over all events, if this process wrote any that are unsigned. Never raises."""
        if not self._unsigned or not self._turn.acquire(blocking=False):
            return
        try:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._unsigned = 0
            self._signed_at = time.monotonic()
            sign_head(self._ledger, self._home, self._user(), self._elsewhere)
        # The edge between what is durable and what vouches for it: no failure here may undo the answer.
        except Exception as error:  # noqa: BLE001
            log.warning("no checkpoint was signed: %s (ropeway audit verify says what is uncovered)", error)
        finally:
            self._turn.release()


def outside_file(root: Path, heads: str | None, ledger: str) -> Path | None:
    """Where `[audit] heads` has this ledger's heads; None where nothing is configured."""
    return None if heads is None else root / Path(heads).expanduser() / f"{ledger}.heads"


def sign_head(ledger: Ledger, home: Path, user: Path, elsewhere: Callable[[str], Path | None]) -> bool:
    """Sign a head over all events; False where there is nothing to sign, or another machine has the key.

    Raises:
        HeadContradicts: the ledger is no continuation of a head that was signed before.
    """
    with ledger.reading() as connection:
        name = get_meta(connection, LEDGER_ID)
        known = get_meta(connection, VERIFIER)
        size = size_of(connection)
        last = connection.execute(
            select(checkpoint.c.note).order_by(checkpoint.c.size.desc()).limit(1)
        ).scalar()
        assert name is not None, "a ledger of this format has an id"
        keyring = Keyring(user, name)
        signer = keyring.first_signer() if known is None else keyring.signer(parse_verifier(known))
        if signer is None or (last is not None and parse_checkpoint(last).size >= size):
            return False
        before = [parse_checkpoint(last)] if last is not None else []
        seen = keyring.remembered(signer.verifier)
        root = root_at(connection, size)
        for head in [*before, *([seen] if seen else [])]:
            _check_continues(name, head, size, lambda at: root_at(connection, at))
    note = signer.sign(checkpoint_text(name, size, root))
    if not _keep(ledger, size, note, signer):
        return False
    spread(ledger, home, name, signer, elsewhere)
    _remember(ledger, keyring, note)
    return True


def spread(
    ledger: Ledger, home: Path, name: str, signer: Signer, elsewhere: Callable[[str], Path | None]
) -> None:
    """Bring the files of heads up to what the database holds, and the verifier key beside them."""
    own = home / HEADS
    places = [own / OWN_HEADS]
    outside = elsewhere(name)
    if outside is not None:
        places.append(outside)
    for path in places:
        # Those elsewhere are for others to hold against.
        HeadsFile(path).catch_up(
            lambda known: _since(ledger, known), mode=0o644 if path == outside else 0o600
        )
    key = own / OWN_KEY
    if not key.exists() or key.read_text(encoding="utf-8").strip() != signer.verifier.text:
        text = (signer.verifier.text + "\n").encode()
        publish(key, home / "tmp", lambda to: write_all(to, text), durable=False, mode=0o600)


def _check_continues(name: str, head: Checkpoint, size: int, root: Callable[[int], bytes]) -> None:
    if head.size > size or root(head.size) != head.root:
        raise HeadContradicts(name, head.size, size)


def _keep(ledger: Ledger, size: int, note: str, signer: Signer) -> bool:
    """Put a checkpoint into the database, unless another process was there first."""
    with ledger.transaction() as transaction:
        connection = transaction.connection
        known = get_meta(connection, VERIFIER)
        newest = connection.execute(select(func.max(checkpoint.c.size))).scalar()
        if (newest is not None and newest >= size) or known not in (None, signer.verifier.text):
            return False
        if known is None:
            set_meta(connection, VERIFIER, signer.verifier.text)
        connection.execute(insert(checkpoint).values(size=size, note=note))
    return True


def _since(ledger: Ledger, known: int) -> list[HeadLine]:
    with ledger.reading() as connection:
        rows = connection.execute(
            select(checkpoint).where(checkpoint.c.size > known).order_by(checkpoint.c.size)
        ).all()
    return [HeadLine(size=row.size, note=row.note) for row in rows]


def _remember(ledger: Ledger, keyring: Keyring, note: str) -> None:
    def prove(first: int, second: int) -> list[bytes]:
        with ledger.reading() as connection:
            return merkle.prove_consistency(first, second, reader(connection))

    keyring.remember(note, prove)
