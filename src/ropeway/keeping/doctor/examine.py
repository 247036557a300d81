"""One look at the machine, the ledger, the workspace's files and habits, and what is named elsewhere.

Nothing is changed, nothing is read twice: damage in bytes is for `fsck`.
"""

from collections.abc import Callable, Iterator

from ropeway.keeping.doctor import elsewhere, ledger, machine, workspace
from ropeway.keeping.doctor.signs import Diagnosis, Sign
from ropeway.workspace import Context

LOOKS: tuple[Callable[[Context], Iterator[Sign]], ...] = (
    machine.look_at_sqlite,
    machine.look_at_file_system,
    machine.look_at_space,
    machine.look_at_clock,
    machine.look_at_extras,
    ledger.look_at_database,
    ledger.look_at_lock,
    ledger.look_at_server_clock,
    ledger.look_at_heads,
    ledger.look_at_key,
    workspace.look_at_permissions,
    workspace.look_at_leftovers,
    workspace.look_at_runs,
    workspace.look_at_backups,
    workspace.look_at_checks,
    workspace.look_at_collections,
    workspace.look_at_erasures,
    elsewhere.look_at_store,
    elsewhere.look_at_outside_heads,
    elsewhere.look_at_remotes,
)


def examine(context: Context) -> Diagnosis:
    """Look at everything once."""
    return Diagnosis(signs=[sign for look in LOOKS for sign in look(context)])
