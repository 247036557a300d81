"""What the name or address of a host means, without asking anybody."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback.

    Example:
        >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("example.org")
        (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
