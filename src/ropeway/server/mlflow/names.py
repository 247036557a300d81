"""Names for runs that were given none: two words and a number, as MLflow's own."""

import secrets

FIRST = "amber bold brisk calm clear crisp deft eager fair fleet glad keen kind mild neat prime quick quiet"
SECOND = (
    "badger crane dove falcon finch gull hare heron ibis kestrel lark lynx marten otter owl raven seal wren"
)


def new_name() -> str:
    """Such as `calm-heron-417`."""
    return f"{secrets.choice(FIRST.split())}-{secrets.choice(SECOND.split())}-{secrets.randbelow(1000)}"
