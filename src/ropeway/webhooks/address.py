"""Which addresses a webhook may have: https and public, unless the project file names the host."""

import time
from urllib.parse import SplitResult

from ropeway.webhooks.errors import WebhookInvalid
from ropeway.workspace.outbound import (
    PORTS,
    AddressRefused,
    BadAddress,
    Undeliverable,
    checked_addresses,
    parse_url,
)
from ropeway.workspace.project import PROJECT_FILE, Webhooks

LOOK_UP_S = 5.0
LONGEST_URL = 2_000


def is_allowed(url: str, settings: Webhooks) -> bool:
    """Whether the project file names the host of a URL, with its port or with none."""
    _, host, port = parse_url(url)
    return not _names(host, port).isdisjoint(each.lower() for each in settings.allow)


def check_address(url: str, settings: Webhooks) -> str:
    """The host of an address that a webhook may have; its name is looked up.

    Raises:
        WebhookInvalid: it is not https, not public, or has no address, and the project file does not name it.
    """
    try:
        parts, host, port = parse_url(url)
    except BadAddress as error:
        raise WebhookInvalid("address", _shown(url), error.expected) from error
    if len(url) > LONGEST_URL:
        raise WebhookInvalid("address", _shown(url), f"at most {LONGEST_URL:,} characters")
    if is_allowed(url, settings):
        return host
    place = max(_names(host, port), key=len) if parts.port else host
    named = f'allow = ["{place}"] under [webhooks] in {PROJECT_FILE}, if it is meant to be there'
    if parts.scheme != "https":
        raise WebhookInvalid("address", _origin(parts, host, port), "one that begins with https://", named)
    try:
        checked_addresses(host, port, time.monotonic() + LOOK_UP_S, allow_private=False)
    except AddressRefused as error:
        raise WebhookInvalid("address", _origin(parts, host, port), error.expected, named) from error
    except Undeliverable as error:
        raise WebhookInvalid("address", _origin(parts, host, port), "a host that has an address") from error
    return host


def _names(host: str, port: int) -> set[str]:
    shown = f"[{host}]" if ":" in host else host
    return {shown.lower(), f"{shown}:{port}".lower()}


def _origin(parts: SplitResult, host: str, port: int) -> str:
    """An address without what may be a secret in it."""
    return f"{parts.scheme}://{host}" + ("" if port == PORTS[parts.scheme] else f":{port}")


def _shown(url: str) -> str:
    """As much of what cannot be read as tells nothing."""
    return url.partition("://")[0][:20] + "://…" if "://" in url else "…"
