"""What can be wrong when monitoring is asked, or when it tells somebody.

NotFound      unknown-window
Conflict      no-key-carried · secret-missing
Unavailable   sink-unwritable
"""

from ropeway.core.errors import Conflict, NotFound, Unavailable


class UnknownWindow(NotFound):
    """No window that begins then was observed for that version there."""

    code = "unknown-window"

    def __init__(self, ref: str, environment: str, start: str) -> None:
        super().__init__(
            f"observed window of '{ref}' in '{environment}' that begins",
            start,
            next_step="ropeway monitor shows the windows that were observed",
        )


class NoKeyCarried(Conflict):
    """No request brought the key of a row that the version learnt from."""

    code = "no-key-carried"

    def __init__(self, ref: str, key: str | None) -> None:
        named = f"'{key}'" if key else "the key, and [inputs.rows] names none"
        super().__init__(
            f"No answer of '{ref}' carries {named} of a row that it learnt from.",
            expected="requests that carry the key of training rows",
            next_step=f'[serving] carry = ["{key or "id"}"] in ropeway.toml, and send it with each row',
            ref=ref,
            key=key,
        )


class SecretMissing(Conflict):
    """A webhook's secret is not there, so nothing can be signed and nothing is sent."""

    code = "secret-missing"

    def __init__(self, sink: str, variable: str, reason: str) -> None:
        super().__init__(
            f"The webhook '{sink}' is not signed: the variable '{variable}' {reason}.",
            expected="the secret in the environment of the process that delivers",
            next_step=f"export {variable}=… where ropeway controller runs",
            sink=sink,
            variable=variable,
        )


class SinkUnwritable(Unavailable):
    """A file that alerts should be written to does not take them."""

    code = "sink-unwritable"

    def __init__(self, sink: str, path: str, reason: str) -> None:
        super().__init__(
            f"The sink '{sink}' cannot write to '{path}': {reason}.",
            expected="a file within the project that can be written",
            next_step=f"correct path under [sinks.{sink}], or make room",
            sink=sink,
            path=path,
        )
