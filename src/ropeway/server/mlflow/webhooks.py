"""Routes of webhooks: our operations, in MLflow's words for topics and states."""

from typing import Any

from ropeway.core.clock import from_text
from ropeway.server.mlflow import answers, checks, messages, page_messages
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar.moments import ms_of
from ropeway.webhooks import operations as ours
from ropeway.webhooks.errors import UnknownWebhook
from ropeway.webhooks.records import Hook
from ropeway.webhooks.topics import EXAMPLES
from ropeway.workspace import Workspace

ENTITIES = (
    "",
    "REGISTERED_MODEL",
    "MODEL_VERSION",
    "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS",
    "PROMPT",
    "PROMPT_VERSION",
    "PROMPT_TAG",
    "PROMPT_VERSION_TAG",
    "PROMPT_ALIAS",
    "BUDGET_POLICY",
)
ACTIONS = ("", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED")
STATUSES = ("", "ACTIVE", "DISABLED")
MAX_WEBHOOKS = 1000


def create(workspace: Workspace, asked: page_messages.Webhook) -> Json:
    """Answer `POST webhooks`."""
    checks.required("name", asked.name)
    checks.required("url", asked.url)
    checks.required("events", asked.events or None)
    _check_name(asked.name)
    made = ours.add_webhook(
        workspace,
        name=asked.name,
        url=asked.url,
        topics=[_topic(each) for each in asked.events],
        description=asked.description or "",
        secret=asked.secret or "",
        active=_active(asked.status) is not False,
    )
    return {"webhook": _told(ours.get_webhook(workspace, webhook=made))}


def list_all(workspace: Workspace, asked: page_messages.ListWebhooks) -> Json:
    """Answer `GET webhooks`."""
    limit = asked.max_results or 100
    if not 1 <= limit <= MAX_WEBHOOKS:
        raise Refusal("max_results must be between 1 and 1000.")
    after = answers.offset_of(asked.page_token)
    found = ours.list_webhooks(workspace, limit=limit + 1, after=after)
    more = after + limit if len(found) > limit else None
    return answers.page("webhooks", [_told(each) for each in found[:limit]], more)


def get(workspace: Workspace, asked: messages.Message, *, webhook: str) -> Json:  # noqa: ARG001  a handler's shape
    """Answer `GET webhooks/{webhook}`."""
    return {"webhook": _told(_known(webhook, lambda: ours.get_webhook(workspace, webhook=webhook)))}


def update(workspace: Workspace, asked: page_messages.Webhook, *, webhook: str) -> Json:
    """Answer `PATCH webhooks/{webhook}`."""
    _known(webhook, lambda: ours.get_webhook(workspace, webhook=webhook))
    if asked.name:
        _check_name(asked.name)
    _known(
        webhook,
        lambda: ours.change_webhook(
            workspace,
            webhook=webhook,
            name=asked.name or None,
            url=asked.url or None,
            topics=[_topic(each) for each in asked.events] or None,
            description=asked.description,
            secret=asked.secret,
            active=_active(asked.status),
        ),
    )
    return {"webhook": _told(ours.get_webhook(workspace, webhook=webhook))}


def delete(workspace: Workspace, asked: messages.Message, *, webhook: str) -> Json:  # noqa: ARG001  a handler's shape
    """Answer `DELETE webhooks/{webhook}`."""
    _known(webhook, lambda: ours.remove_webhook(workspace, webhook=webhook))
    return {}


def test(workspace: Workspace, asked: page_messages.TryWebhook, *, webhook: str) -> Json:
    """Answer `POST webhooks/{webhook}/test`. The body of what the address answered is not told."""
    topic = "" if asked.event is None else _topic(asked.event)
    found = _known(webhook, lambda: ours.try_webhook(workspace, webhook=webhook, topic=topic))
    told: Json = {"success": found.success}
    if found.status is not None:
        told["response_status"] = found.status
    if found.error:
        told["error_message"] = found.error
    return {"result": told}


def _told(found: Hook) -> Json:
    told: Json = {
        "webhook_id": found.id,
        "name": found.name,
        "url": found.url,
        "events": [_event(each) for each in found.topics],
        "status": "ACTIVE" if found.is_active else "DISABLED",
        "creation_timestamp": ms_of(from_text(found.created_at)),
        "last_updated_timestamp": ms_of(from_text(found.changed_at)),
    }
    return told | ({"description": found.description} if found.description else {})


def _event(topic: str) -> dict[str, str]:
    entity, _, action = topic.upper().partition(".")
    return {"entity": entity, "action": action}


def _topic(asked: page_messages.WebhookEvent) -> str:
    entity, action = _word(asked.entity, ENTITIES).lower(), _word(asked.action, ACTIONS).lower()
    topic = f"{entity}.{action}"
    if topic in EXAMPLES:
        return topic
    valid = sorted(each.partition(".")[2] for each in EXAMPLES if each.startswith(f"{entity}."))
    raise Refusal(f"Invalid action '{action[:40]}' for entity '{entity[:40]}'. Valid actions are: {valid}")


def _check_name(name: str) -> None:
    if not ours.NAMES.fullmatch(name):
        raise Refusal(
            f"Webhook name {name[:256]!r} is invalid. It must start and end with a letter or digit, be less "
            "than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and "
            "hyphens (-)."
        )


def _active(status: str | int | None) -> bool | None:
    """Whether a status says active; None where none is given."""
    if status in (None, "", 0):
        return None
    word = _word(status or "", STATUSES)
    if word not in STATUSES:
        raise checks.invalid("status", word[:40])
    return word == "ACTIVE"


def _word(given: str | int, words: tuple[str, ...]) -> str:
    """An enum's value by its name, or by its number as protobuf's JSON may have it."""
    if isinstance(given, str):
        return given
    return words[given] if 0 <= given < len(words) else str(given)


def _known(webhook: str, act: Any) -> Any:
    try:
        return act()
    except UnknownWebhook as error:
        said = f"Webhook with ID {webhook[:80]} not found."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
