"""What happens to webhooks. Neither an address nor a secret is in an event: see `vault`."""

from ropeway.ledger import Event, event


class OfWebhook(Event, frozen=True, kw_only=True):
    """What the events about one webhook share."""

    webhook: str

    def subject(self) -> str:
        """The webhook."""
        return f"webhook:{self.webhook}"


@event("webhook-created", erasable=("name", "host", "description"))
class WebhookCreated(OfWebhook, frozen=True, kw_only=True):
    """A host is told of these topics from now on. `is_signed`: with a secret that it knows."""

    name: str | None
    host: str | None
    description: str | None
    topics: list[str]
    is_active: bool
    is_signed: bool


@event("webhook-changed", erasable=("name", "host", "description"))
class WebhookChanged(OfWebhook, frozen=True, kw_only=True):
    """What is None is as it was. `is_moved`: it has another address, perhaps on the same host."""

    name: str | None = None
    host: str | None = None
    description: str | None = None
    topics: list[str] | None = None
    is_active: bool | None = None
    is_signed: bool | None = None
    is_moved: bool = False
    is_rekeyed: bool = False


@event("webhook-removed")
class WebhookRemoved(OfWebhook, frozen=True, kw_only=True):
    """It is told nothing more; its address and its secret are gone."""


@event("webhook-messages-dropped")
class WebhookMessagesDropped(OfWebhook, frozen=True, kw_only=True):
    """What happened from the event `first` to the event `last` was never taken, and is not sent any more."""

    first: int
    last: int
    count: int
    error: str
