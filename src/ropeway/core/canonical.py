"""One value, one sequence of bytes: canonical JSON after RFC 8785."""

import msgspec
import rfc8785

from ropeway.core.errors import Invalid


class NotCanonical(Invalid):
    """A value that canonical JSON cannot hold (NaN, infinity, an integer over 2^53)."""

    code = "not-canonical"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The value has no canonical JSON form: {reason}.",
            expected="finite numbers, integers within ±2^53, text, lists and maps with text keys",
        )


def canonical(value: object) -> bytes:
    r"""The canonical JSON bytes of a value (RFC 8785).

    Structs, dataclasses, dates and bytes are turned into JSON's types first, as msgspec does.

    Raises:
        NotCanonical: the value holds something that JSON cannot say exactly.

    Example:
        >>> canonical({"b": 1.0, "a": "é"})
        b'{"a":"\xc3\xa9","b":1}'
    """
    try:
        return rfc8785.dumps(msgspec.to_builtins(value, str_keys=True))
    except (rfc8785.CanonicalizationError, TypeError) as error:
        raise NotCanonical(str(error)) from error
