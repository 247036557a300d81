"""A webhook as its keeper sees it, and what came of trying one."""

import msgspec


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook.

    Attributes:
        url: its address; only its host, where that was sealed with a key that is not here.
        topics: what it is told of, such as `model_version.created`.
        is_signed: whether its messages are signed with a secret.
        fails: how often in a row it did not take what it was sent.
        says: why not, the last time.
        next_at: when it is tried again.
    """

    id: str
    name: str
    url: str
    description: str
    topics: list[str]
    is_active: bool
    is_signed: bool
    created_at: str
    changed_at: str
    fails: int = 0
    says: str = ""
    next_at: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a message that was only to be tried: the status of the answer, and what was wrong."""

    success: bool
    status: int | None = None
    error: str = ""
