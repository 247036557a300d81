"""Which rooms a workspace has. Named, not imported: imports point down, and these rooms stand above.

Every room's events and projections must be known before a ledger is opened, whoever opens it; its operations,
when a server mounts them.
"""

from importlib import import_module

PROJECTIONS = (
    "ropeway.members.projections",
    "ropeway.data.projections",
    "ropeway.labels.projections",
    "ropeway.tracking.projections",
    "ropeway.tracking.afar.projections",
    "ropeway.tracking.traces.projections",
    "ropeway.pipelines.projections",
    "ropeway.models.projections",
    "ropeway.models.afar.projections",
    "ropeway.predictions.projections",
    "ropeway.monitoring.projections",
    "ropeway.continuous.projections",
    "ropeway.remotes.events",
    "ropeway.keeping.reproduce.projections",
    "ropeway.keeping.projections",
    "ropeway.keeping.erase.projections",
    "ropeway.keeping.audit.events",
    "ropeway.webhooks.projections",
    "ropeway.server.projections",
)
OPERATIONS = (
    "ropeway.workspace.operations",
    "ropeway.members.operations",
    "ropeway.data.operations",
    "ropeway.labels.operations",
    "ropeway.tracking.operations",
    "ropeway.tracking.afar.operations",
    "ropeway.tracking.traces.operations",
    "ropeway.pipelines.operations",
    "ropeway.models.operations",
    "ropeway.models.afar.operations",
    "ropeway.models.adopting.operations",
    "ropeway.predictions.operations",
    "ropeway.serving.operations",
    "ropeway.monitoring.operations",
    "ropeway.continuous.operations",
    "ropeway.story.operations",
    "ropeway.remotes.operations",
    "ropeway.keeping.operations",
    "ropeway.keeping.reproduce.operations",
    "ropeway.keeping.audit.operations",
    "ropeway.keeping.erase.operations",
    "ropeway.webhooks.operations",
    "ropeway.server.operations",
)


def load_projections() -> None:
    """Make every room's events and projections known to the ledger."""
    for name in PROJECTIONS:
        import_module(name)


def load_operations() -> None:
    """Make every room's operations known."""
    load_projections()
    for name in OPERATIONS:
        import_module(name)
