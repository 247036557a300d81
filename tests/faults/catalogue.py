"""Every operation that faults are tried on, by name. A new one: a class in `operations/`, a line here."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.faults.operation import FaultOperation
from tests.faults.operations.data import AddData
from tests.faults.operations.keeping import CollectDead, MakeBackups
from tests.faults.operations.labels import ImportLabels
from tests.faults.operations.ledger import RecordEvents
from tests.faults.operations.loop import ControlLoop
from tests.faults.operations.models import JudgeModels, PromoteModels, RegisterModels
from tests.faults.operations.opening import OpenFirst
from tests.faults.operations.pipelines import RunPipeline
from tests.faults.operations.predictions import ObserveProduction, SealSegments
from tests.faults.operations.serving import ServePredictions
from tests.faults.operations.store import PutFolders, PutObjects, RemoveObjects
from tests.faults.operations.tracking import FlushPoints, LogPoints, TrackRuns
from tests.faults.operations.upgrade import UpgradeOldest
from tests.faults.traffic import traffic_beside

OPERATIONS: dict[str, type[FaultOperation]] = {
    operation.name: operation
    for operation in (
        OpenFirst,
        RecordEvents,
        PutObjects,
        PutFolders,
        RemoveObjects,
        AddData,
        ImportLabels,
        LogPoints,
        FlushPoints,
        TrackRuns,
        RunPipeline,
        RegisterModels,
        JudgeModels,
        PromoteModels,
        ServePredictions,
        SealSegments,
        ObserveProduction,
        CollectDead,
        MakeBackups,
        UpgradeOldest,
        ControlLoop,
    )
}

_BESIDE: dict[str, Callable[[Path], AbstractContextManager[None]]] = {ControlLoop.name: traffic_beside}


def beside(name: str, root: Path) -> AbstractContextManager[None]:
    """What goes on in a project beside an operation, and is not killed with it."""
    return _BESIDE.get(name, lambda _root: nullcontext())(root)
