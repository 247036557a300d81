"""Every operation that faults are tried on, by name. A new one: a class in `operations/`, a line here."""

from tests.faults.operation import FaultOperation
from tests.faults.operations.data import AddData
from tests.faults.operations.labels import ImportLabels
from tests.faults.operations.ledger import RecordEvents
from tests.faults.operations.models import JudgeModels, PromoteModels, RegisterModels
from tests.faults.operations.opening import OpenFirst
from tests.faults.operations.pipelines import RunPipeline
from tests.faults.operations.serving import ServePredictions
from tests.faults.operations.store import PutObjects
from tests.faults.operations.tracking import LogPoints, TrackRuns

OPERATIONS: dict[str, type[FaultOperation]] = {
    operation.name: operation
    for operation in (
        OpenFirst,
        RecordEvents,
        PutObjects,
        AddData,
        ImportLabels,
        LogPoints,
        TrackRuns,
        RunPipeline,
        RegisterModels,
        JudgeModels,
        PromoteModels,
        ServePredictions,
    )
}
