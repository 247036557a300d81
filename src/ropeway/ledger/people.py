"""Who acts: an opaque id in every event; the name apart from it and erasable."""

from ropeway.core.ids import PersonId
from ropeway.ledger.event import Event, event


@event("person-introduced", erasable=("name",))
class PersonIntroduced(Event, frozen=True, kw_only=True):
    """A person acted in this workspace for the first time. Nothing proves who it is: names are as given."""

    person: PersonId
    name: str | None

    def subject(self) -> str:
        """The person."""
        return f"person:{self.person}"
