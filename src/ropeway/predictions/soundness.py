"""What `fsck` asks of the log of predictions: are sealed segments what was sealed?"""

from ropeway.core.errors import Damaged
from ropeway.predictions.columns import KINDS
from ropeway.predictions.compact import unpack
from ropeway.predictions.draft import check_same
from ropeway.predictions.errors import SegmentMisnamed
from ropeway.predictions.sealed import list_sealed
from ropeway.predictions.segments import open_segments, read_lying
from ropeway.store.errors import ObjectDamaged, ObjectMissing, SegmentDamaged
from ropeway.workspace import Context
from ropeway.workspace.finding import Finding


def check_segments(context: Context) -> tuple[int, list[Finding]]:
    """Recompute the root of every sealed segment from its Parquet; gives how many there are.

    Objects that are missing or hurt, and open segments that cannot be read, are found by `fsck` itself.
    """
    findings: list[Finding] = []
    count = 0
    for kind in KINDS.values():
        sealed, names = list_sealed(context.home, kind.name)
        for each in sealed:
            count += 1
            subject = f"segment:{kind.name}/{each.replica}-{each.segment}"
            try:
                unpack(context.home, each)
            except (ObjectMissing, ObjectDamaged):
                continue
            except Damaged as error:
                findings.append(Finding(what=error.what, named_by=[subject]))
        for path in open_segments(context.home, kind.name):
            try:
                if path.name in names:
                    check_same(context.home, kind, path)
                else:
                    read_lying(path)
            except (ObjectMissing, ObjectDamaged, SegmentDamaged, FileNotFoundError):
                continue
            except SegmentMisnamed as error:
                findings.append(Finding(what=error.what))
            except Damaged as error:
                findings.append(Finding(what=f"The file '{path}' stays: {error.what}"))
    return count, findings
