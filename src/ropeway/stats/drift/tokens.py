"""The tokens that tell two sets of texts apart: log-odds with an informative Dirichlet prior.

The idea: compare the odds of each token between the sets, in units of how uncertain they are. The prior is
what both sets say together, worth STRENGTH texts' words: it draws tokens that came once or twice towards no
difference, where plain odds would put them first. A z of 3 and more is telling.

From sketches: of more than some 6,000 different tokens a count may be low. Each difference is then taken as
small as the errors allow.

    Monroe, B. L., Colaresi, M. P., Quinn, K. M. (2008). Fightin' Words: Lexical Feature Selection and
    Evaluation for Identifying the Content of Political Conflict. Political Analysis 16(4), 372-403.
"""

import math
from collections.abc import Mapping

import msgspec

STRENGTH = 500.0
"""The prior's weight, in tokens; the paper's alpha_0."""

FEWEST = 3
"""Texts that must hold a token, of both sets together: half of all tokens come once or twice."""

TELLING = 3.0
"""From which |z| on a token is told of."""


class TellingToken(msgspec.Struct, frozen=True, kw_only=True):
    """One token.

    Attributes:
        token: the token.
        z: how telling; above 0 there is more of it in the current texts, below 0 less.
        reference_share: of the reference's texts, how many hold it; 0 to 1.
        current_share: of the current ones.
    """

    token: str
    z: float
    reference_share: float
    current_share: float


def telling_tokens(
    reference: Mapping[str, int],
    current: Mapping[str, int],
    *,
    texts: tuple[int, int],
    totals: tuple[int, int] | None = None,
    errors: tuple[int, int] = (0, 0),
    most: int = 20,
) -> list[TellingToken]:
    """The most telling tokens, most telling first.

    Args:
        reference: in how many of its texts each token occurs.
        current: the same.
        texts: how many texts each set has.
        totals: the sum of the counts over all tokens, where not all are given.
        errors: by how much a count may be low.
        most: how many at most.

    Example:
        >>> before = {"flight": 300, "late": 200, "the": 800, "zoo": 1}
        >>> after = {"flight": 20, "late": 40, "the": 160, "camera": 60}
        >>> for each in telling_tokens(before, after, texts=(1000, 200)):
        ...     print(each.token, round(each.z, 1), each.reference_share, each.current_share)
        camera 9.2 0.0 0.3
        flight -4.3 0.3 0.1
    """
    n, m = totals or (sum(reference.values()), sum(current.values()))
    found = []
    for token in {**reference, **current}:
        y, x = reference.get(token, 0), current.get(token, 0)
        if y + x < FEWEST:
            continue
        prior = STRENGTH * (y + x) / max(1, n + m)
        z = _z(y, x, n, m, prior, errors)
        if abs(z) >= TELLING:
            shares = [min(1.0, count / max(1, of)) for count, of in zip((y, x), texts, strict=True)]
            found.append(
                TellingToken(
                    token=token,
                    z=round(z, 3),
                    reference_share=round(shares[0], 6),
                    current_share=round(shares[1], 6),
                )
            )
    return sorted(found, key=lambda each: (-abs(each.z), each.token))[:most]


def _z(y: int, x: int, n: int, m: int, prior: float, errors: tuple[int, int]) -> float:
    # What may be low is raised on the side where that makes the difference smaller.
    rarer_now = _log_odds(x + errors[1], m, prior) - _log_odds(y, n, prior)
    rarer_then = _log_odds(x, m, prior) - _log_odds(y + errors[0], n, prior)
    difference = rarer_then if rarer_then > 0 else min(0.0, rarer_now)
    return difference / math.sqrt(1 / (y + prior) + 1 / (x + prior))


def _log_odds(count: float, total: float, prior: float) -> float:
    rest = total + STRENGTH - count - prior
    return math.log((count + prior) / max(rest, 0.5))
