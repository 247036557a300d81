"""What happens to jobs: they are accepted, and they finish. One that was only accepted may be cut off."""

from collections.abc import Iterable
from typing import Any

from ropeway.core.ids import Digest, JobId
from ropeway.ledger import Event, event


@event("job-accepted", erasable=("arguments",))
class JobAccepted(Event, frozen=True, kw_only=True):
    """A server promised to run an operation. `server` names the lock by which others see whether it lives."""

    job: JobId
    operation: str
    server: str
    arguments: dict[str, Any] | None

    def subject(self) -> str:
        """The job."""
        return f"job:{self.job}"


@event("job-finished")
class JobFinished(Event, frozen=True, kw_only=True):
    """A job came to its end. `outcome` is the object with its result, or with its error."""

    job: JobId
    succeeded: bool
    outcome: Digest

    def subject(self) -> str:
        """The job."""
        return f"job:{self.job}"

    def objects(self) -> Iterable[Digest]:
        """The result, or the error."""
        return (self.outcome,)
