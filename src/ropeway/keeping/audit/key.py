"""The key that signs heads: what it is, and putting another in its place, on record."""

from ropeway.core.note import Verifier
from ropeway.keeping.audit.events import CheckpointKeyReplaced
from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.keys import terms_of
from ropeway.keeping.audit.records import LedgerKey
from ropeway.ledger.journal import get_meta, set_meta
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.workspace import Context
from ropeway.workspace.checkpoints import VERIFIER
from ropeway.workspace.keyring import Keyring
from ropeway.workspace.user_folder import user_folder


def describe_key(context: Context) -> LedgerKey:
    """The key in place; see `audit.key`."""
    name = get_meta(context.read, LEDGER_ID) or ""
    terms = terms_of(context.read, Findings())
    keyring = Keyring(user_folder(), name)
    current: Verifier | None = terms[-1].verifier if terms else None
    return LedgerKey(
        ledger=name,
        verifier=current.text if current else None,
        is_here=current is not None and keyring.signer(current) is not None,
        folder=str(keyring.folder),
        replaced=[term.verifier.text for term in terms[:-1]],
    )


def replace_key(context: Context, reason: str) -> LedgerKey:
    """Make a key here and put it in place; see `audit.replace-key`."""
    name = get_meta(context.read, LEDGER_ID) or ""
    keyring = Keyring(user_folder(), name)
    signer = keyring.new_signer()
    connection = context.begin().connection
    # The old key does not sign this, even where it is at hand: this may be a copy, and the original goes on.
    before = get_meta(connection, VERIFIER)
    context.append(
        CheckpointKeyReplaced(ledger=name, verifier=signer.verifier.text, replaced=before, reason=reason)
    )
    set_meta(connection, VERIFIER, signer.verifier.text)
    return describe_key(context)
