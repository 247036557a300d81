"""What a version's performance is held against: its figure at the gate, and the charter's bar."""

from ropeway.models.registry import ModelVersion
from ropeway.monitoring.records import Baseline
from ropeway.store import Store
from ropeway.store.errors import ObjectDamaged, ObjectMissing
from ropeway.workspace import Project


def baseline_of(store: Store, project: Project, version: ModelVersion) -> Baseline:
    """The charter's metric as the gate measured it on the test part; without evidence, the bar alone."""
    # Loaded here: alerts are listed without numbers being computed.
    from ropeway.models.evidence import read_evidence
    from ropeway.stats.metrics import metric

    name = project.charter.metric
    plain = Baseline(metric=name, higher_is_better=metric(name).higher_is_better, bar=project.charter.bar)
    if version.evidence is None:
        return plain
    try:
        evidence = read_evidence(store, version.evidence)
    except (ObjectMissing, ObjectDamaged):
        return plain
    figure = next((each for each in evidence.figures if each.name == name), None)
    if figure is None:
        return plain
    return Baseline(
        metric=name,
        higher_is_better=plain.higher_is_better,
        value=figure.estimate,
        low=figure.lower,
        high=figure.upper,
        bar=plain.bar,
    )
