"""How e-values are written for people: one form everywhere. No numpy here, every face reads it."""

import math

LARGE = math.log(1e6)
"""From here on the power of ten says enough."""


def e_value(log_e: float) -> str:
    """An e-value from its natural logarithm, however large: a large one as the power of ten it has reached.

    Example:
        >>> [e_value(math.log(value)) for value in (0.31, 7.1, 3106.0, 4e9)], e_value(1e4)
        (['0.31', '7.1', '3,106', '10^9'], '10^4342')
    """
    if log_e >= LARGE - 1e-9:
        # The hair keeps a whole power of ten from falling to the one below it.
        return f"10^{math.floor(log_e / math.log(10) + 1e-9)}"
    value = math.exp(log_e)
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
