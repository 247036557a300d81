"""The cookie of a session: how it is set, read and cleared, and when a browser's sending it counts.

`HttpOnly` keeps it from scripts, `SameSite=Strict` from other sites' pages. Beyond loopback it is `Secure`
and its name begins with `__Host-`, so that no other host can set it. Ports do not divide cookies and sites,
which is why Origin and Sec-Fetch-Site are looked at too: `door.check_caller` refuses what they tell of other
pages, and here a request that changes something must carry one of them.
"""

from datetime import datetime

from ropeway.server.errors import CookieRefused
from ropeway.serving.door import Scope, header, host_name, is_loopback

HERE = "ropeway_session"
ELSEWHERE = "__Host-ropeway_session"

READING = ("GET", "HEAD")


def session_cookie(scope: Scope) -> str | None:
    """The session that a request's cookies name; "" where they name several."""
    name = _name(scope)
    found = [
        value
        for key, cookies in scope["headers"]
        if key == b"cookie"
        for each, _, value in (pair.strip().partition("=") for pair in cookies.decode("latin-1").split(";"))
        if each == name
    ]
    if not found:
        return None
    return found[0] if len(found) == 1 else ""


def check_cookie_use(scope: Scope) -> None:
    """Let a session change something only from a page of this very service.

    Raises:
        CookieRefused: the browser does not say for which page it asks.
    """
    if scope["method"] in READING:
        return
    # Where there is an Origin, the door has held it against the host.
    if not header(scope, b"origin") and header(scope, b"sec-fetch-site") != "same-origin":
        raise CookieRefused


def set_cookie(scope: Scope, value: str, now: datetime, until: datetime) -> tuple[bytes, bytes]:
    """The header that gives a browser its session."""
    age_s = max(1, int((until - now).total_seconds()))
    return _header(scope, value, age_s)


def clear_cookie(scope: Scope) -> tuple[bytes, bytes]:
    """The header that takes it back."""
    return _header(scope, "", 0)


def _header(scope: Scope, value: str, age_s: int) -> tuple[bytes, bytes]:
    name = _name(scope)
    secure = "" if name == HERE else "; Secure"
    said = f"{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}"
    return b"set-cookie", said.encode("ascii")


def _name(scope: Scope) -> str:
    return HERE if is_loopback(host_name(header(scope, b"host").lower())) else ELSEWHERE
