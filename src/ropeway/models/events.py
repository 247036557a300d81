"""What happens to model versions, as released facts."""

from collections.abc import Iterable

import msgspec

from ropeway.core.ids import Digest, ModelName, PersonId, RunId
from ropeway.ledger import Edge, Event, event


class GateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What one check of the gate found, in one sentence and, where it has them, figure and limit.

    `skipped`: it had nothing to judge, and does not stand in the way. `code` names why it refused.
    """

    name: str
    passed: bool
    says: str
    figure: float | None = None
    limit: float | None = None
    skipped: bool = False
    code: str = ""


class OfVersion(Event, frozen=True, kw_only=True):
    """What all events about one version share."""

    name: ModelName
    number: int

    def subject(self) -> str:
        """The version."""
        return f"model:{self.name}@{self.number}"


@event("model-registered")
class ModelRegistered(OfVersion, frozen=True, kw_only=True):
    """A run's slice was packaged under a name. `content` is its identity, `package` its tree in the store."""

    run: RunId
    package: Digest
    content: Digest
    source: Digest
    code: Digest
    datasets: list[str]
    served: str

    def edges(self) -> Iterable[Edge]:
        """The run made it, from that code."""
        yield Edge(f"run:{self.run}", "produced", self.subject())
        yield Edge(f"code:{self.code}", "is-code-of", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The package, and the snapshot of the code."""
        return (self.package, self.code)


@event("reference-profiled")
class ReferenceProfiled(OfVersion, frozen=True, kw_only=True):
    """The rows that a version learnt from were profiled: what production is held against.

    `rows` are those of the parts `train` and `tune`, `learnt_part` the digest of their keys; its answers are
    profiled on the `judged_rows` of `tune` alone, whose digest is `judged_part`. No test row is among them.
    """

    profile: Digest
    rows: int
    judged_rows: int
    learnt_part: Digest
    judged_part: Digest

    def edges(self) -> Iterable[Edge]:
        """The version is watched by that profile."""
        yield Edge(self.subject(), "is-profiled-by", f"profile:{self.profile}")

    def objects(self) -> Iterable[Digest]:
        """The profile."""
        return (self.profile,)


@event("gate-evaluated")
class GateEvaluated(OfVersion, frozen=True, kw_only=True):
    """A version was held against the charter: one look at its test set, whatever came of it."""

    passed: bool
    checks: list[GateCheck]
    evidence: Digest
    dataset: str
    split: Digest
    test_part: Digest
    test_set: Digest
    look: int
    champion: str | None

    def edges(self) -> Iterable[Edge]:
        """The test rows gave the evidence, and the evidence judged the version."""
        yield Edge(f"dataset:{self.dataset}", "tested-on", f"check:{self.evidence}")
        yield Edge(f"check:{self.evidence}", "judged", self.subject())

    def objects(self) -> Iterable[Digest]:
        """The evidence."""
        return (self.evidence,)


@event("model-approved", erasable=("note",))
class ModelApproved(OfVersion, frozen=True, kw_only=True):
    """A person answers for it. `self_approved`: who had proposed it, since the project allows that."""

    evidence: Digest
    self_approved: bool
    note: str | None


@event("approved-by-rule")
class ApprovedByRule(OfVersion, frozen=True, kw_only=True):
    """The project's own policy answers for it: `rule` says which, `evidence` on what."""

    evidence: Digest
    rule: str


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """A version beside the live one, and its share of the traffic."""

    number: int
    share: float


@event("traffic-routed", erasable=("reason",))
class TrafficRouted(Event, frozen=True, kw_only=True):
    """How an environment's traffic is divided from now on; what `arms` leave is the live version's.

    `shadows` are asked beside whoever answers, and never answer. `salt` decides with the entity which arm it
    falls to. It holds until the next routing or promotion there.
    """

    name: ModelName
    environment: str
    live: int
    arms: list[Arm]
    shadows: list[int]
    salt: str
    rollout: str
    reason: str | None

    def subject(self) -> str:
        """The live version, whose traffic it is."""
        return f"model:{self.name}@{self.live}"


@event("model-promoted", erasable=("note",))
class ModelPromoted(OfVersion, frozen=True, kw_only=True):
    """An environment points to it from now on, and no longer to what it replaced."""

    environment: str
    replaced: int | None
    note: str | None


@event("model-rejected", erasable=("reason",))
class ModelRejected(OfVersion, frozen=True, kw_only=True):
    """It shall not be used; final."""

    reason: str | None


@event("model-retired", erasable=("reason",))
class ModelRetired(OfVersion, frozen=True, kw_only=True):
    """Its time is over."""

    reason: str | None


@event("model-recalled", erasable=("reason",))
class ModelRecalled(OfVersion, frozen=True, kw_only=True):
    """It must not be used any more, wherever it is. `environments` are those that it left empty."""

    environments: list[str]
    reason: str | None


@event("source-approved")
class SourceApproved(Event, frozen=True, kw_only=True):
    """Code may run here, since this person ran it here or has read it (`basis`)."""

    source: Digest
    basis: str
    person: PersonId
    run: RunId | None

    def subject(self) -> str:
        """The code."""
        return f"source:{self.source}"
