"""What can be wrong with webhooks.

RopewayError
├── Invalid
│   ├── WebhookInvalid      webhook-invalid     a name, an address or a topic that none can have
│   └── WebhookAmbiguous    webhook-ambiguous   several have that name
├── NotFound
│   └── UnknownWebhook      unknown-webhook     there is none
└── Unavailable
    └── WebhookSealed       webhook-sealed      its address and secret cannot be opened on this machine
"""

from collections.abc import Iterable

from ropeway.core.errors import Invalid, NotFound, Unavailable

SHOWN_CHARACTERS = 80


class WebhookInvalid(Invalid):
    """A webhook that cannot be."""

    code = "webhook-invalid"

    def __init__(self, what: str, value: str, expected: str, next_step: str = "") -> None:
        super().__init__(
            f"The {what} of a webhook cannot be '{value[:SHOWN_CHARACTERS]}'.",
            expected=expected,
            next_step=next_step,
        )


class WebhookAmbiguous(Invalid):
    """A name that several webhooks have."""

    code = "webhook-ambiguous"

    def __init__(self, name: str, ids: Iterable[str]) -> None:
        super().__init__(
            f"Several webhooks are called '{name[:SHOWN_CHARACTERS]}'.",
            expected=f"one of their ids: {', '.join(ids)}",
            next_step="ropeway webhooks list",
            name=name[:SHOWN_CHARACTERS],
        )


class UnknownWebhook(NotFound):
    """There is no such webhook."""

    code = "unknown-webhook"

    def __init__(self, webhook: str, known: Iterable[str] = ()) -> None:
        super().__init__("webhook", webhook[:SHOWN_CHARACTERS], known, next_step="ropeway webhooks list")


class WebhookSealed(Unavailable):
    """The address and the secret of a webhook were sealed with a key that is not here."""

    code = "webhook-sealed"

    def __init__(self, webhook: str, variable: str) -> None:
        super().__init__(
            f"The address and the secret of the webhook {webhook} cannot be opened here: they were sealed "
            "with another key.",
            expected=f"the key of the machine where it was made, or that of ${variable} there",
            next_step="ropeway webhooks remove, then add it again where the server runs",
            webhook=webhook,
        )
