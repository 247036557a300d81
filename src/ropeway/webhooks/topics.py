"""What a webhook can be told of: topics in MLflow's words, and an example of each for trying one out."""

from typing import Any

from ropeway.core.errors import did_you_mean
from ropeway.webhooks.errors import WebhookInvalid

_TAG = {"key": "example_key", "value": "example_value"}
_TAGS = {"example_key": "example_value"}
_MODEL: dict[str, Any] = {"name": "example_model"}
_VERSION: dict[str, Any] = {**_MODEL, "version": "1"}
_PROMPT: dict[str, Any] = {"name": "example_prompt"}
_PROMPT_VERSION: dict[str, Any] = {**_PROMPT, "version": "1"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "registered_model.created": {**_MODEL, "tags": _TAGS, "description": "An example registered model"},
    "model_version.created": {
        **_VERSION,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        "tags": _TAGS,
        "description": "An example model version",
    },
    "model_version_tag.set": {**_VERSION, **_TAG},
    "model_version_tag.deleted": {**_VERSION, "key": "example_key"},
    "model_version_alias.created": {**_MODEL, "alias": "example_alias", "version": "1"},
    "model_version_alias.deleted": {**_MODEL, "alias": "example_alias"},
    "prompt.created": {**_PROMPT, "tags": _TAGS, "description": "An example prompt"},
    "prompt_version.created": {
        **_PROMPT_VERSION,
        "template": "Hello {{name}}!",
        "tags": _TAGS,
        "description": "An example prompt version",
    },
    "prompt_tag.set": {**_PROMPT, **_TAG},
    "prompt_tag.deleted": {**_PROMPT, "key": "example_key"},
    "prompt_version_tag.set": {**_PROMPT_VERSION, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT_VERSION, "key": "example_key"},
    "prompt_alias.created": {**_PROMPT, "alias": "example_alias", "version": "1"},
    "prompt_alias.deleted": {**_PROMPT, "alias": "example_alias"},
}


def check_topics(topics: list[str]) -> list[str]:
    """The topics, each once.

    Raises:
        WebhookInvalid: there are none, or one is none.
    """
    for each in topics:
        if each not in EXAMPLES:
            hint = did_you_mean(each, EXAMPLES)
            raise WebhookInvalid("topic", each, f"one of: {', '.join(EXAMPLES)}.{hint}")
    if not topics:
        raise WebhookInvalid("topics", "", f"at least one of: {', '.join(EXAMPLES)}")
    return list(dict.fromkeys(topics))
