"""Every operation that faults are tried on, by name. A new one is a file in `operations/` and a line here."""

from tests.faults.operation import FaultOperation
from tests.faults.operations.ledger import RecordEvents
from tests.faults.operations.store import PutObjects

OPERATIONS: dict[str, type[FaultOperation]] = {
    operation.name: operation for operation in (RecordEvents, PutObjects)
}
