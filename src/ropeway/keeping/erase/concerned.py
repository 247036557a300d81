"""What belongs to a registered model: without it, the version answers no more."""

from sqlalchemy import select

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.models.manifest import REPLAY
from ropeway.models.projections import model_version
from ropeway.workspace import Context


def models_of(context: Context) -> dict[Digest, str]:
    """Every object that a version needs to answer, with one version that does; recorded rows are none."""
    found: dict[Digest, str] = {}
    for row in context.read.execute(select(model_version).where(model_version.c.package != "")):
        try:
            entries = context.store.read_tree(Digest(row.package))
        except Damaged:
            continue
        ref = f"{row.name}@{row.number}"
        found |= {Digest(row.package): ref}
        found |= {digest: ref for name, digest in entries.items() if name != REPLAY}
    return found
