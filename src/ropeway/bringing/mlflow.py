"""`ropeway import mlflow`: a store of MLflow, wherever it lies, brought over and compared."""

from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from ropeway.bringing.bring import Bringing, Tell
from ropeway.bringing.database import DatabaseSource
from ropeway.bringing.errors import NoStoreThere
from ropeway.bringing.folder import FolderSource
from ropeway.bringing.logged import bring_models
from ropeway.bringing.registry import bring_registry
from ropeway.bringing.report import Report
from ropeway.bringing.runs import bring_runs
from ropeway.bringing.server import ServerSource
from ropeway.bringing.told import Source
from ropeway.bringing.verify import Verifying
from ropeway.core.canonical import canonical
from ropeway.tracking.afar.operations import record_brought
from ropeway.workspace import Workspace


def open_source(given: str, artifacts: Path | None = None) -> Source:
    """The store that an address means.

    Args:
        given: `http://host:5000`, a folder such as `./mlruns` (or `file:///…`), or `sqlite:///mlflow.db`.
        artifacts: where its files lie, where that is not beside it.

    Raises:
        NoStoreThere: no store lies there.
    """
    parts = urlsplit(given)
    if parts.scheme in ("http", "https") and parts.hostname:
        return ServerSource(given)
    if parts.scheme == "sqlite":
        return DatabaseSource(Path(given.removeprefix("sqlite:///")), artifacts)
    if parts.scheme == "file":
        return FolderSource(Path(unquote(parts.path)), artifacts)
    if parts.scheme == "" or not given.partition(":")[2].startswith("//"):
        path = Path(given)
        return DatabaseSource(path, artifacts) if path.is_file() else FolderSource(path, artifacts)
    raise NoStoreThere(given)


def bring(workspace: Workspace, source: Source, *, tell: Tell = lambda _done, _total: None) -> Report:
    """Bring a store over, or what of it is not here yet, and compare both.

    Args:
        workspace: where to.
        source: the store; it is only read.
        tell: called with how many runs and models are done.

    Returns:
        What came, what could not and why; it is on record as well.

    Raises:
        StoreUnreachable: the store cannot be read any further; what has come stays.
    """
    bringing = Bringing(workspace, source, tell)
    with TemporaryDirectory(prefix="ropeway-bringing-") as folder:
        for experiment in bringing.experiments():
            bring_runs(bringing, experiment, Path(folder))
            bring_models(bringing, experiment, Path(folder))
    bring_registry(bringing)
    bringing.delete()
    report = Verifying(bringing).report()
    kept = workspace.store.put(canonical(report))
    record_brought(workspace, source=source.shown, report=kept, is_whole=report.is_whole)
    return report
