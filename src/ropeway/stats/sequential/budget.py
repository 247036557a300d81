"""How sure a release has to be: a chance of error for the whole year, spent release by release.

The idea: each wrong promotion is a false alarm of its own test, and many tests in a year have many chances.
So the year has one budget alpha. A release takes a share of what is left when it starts, and never gives
it back, however it ends. With the share s the releases get s alpha, s (1 - s) alpha, s (1 - s)^2 alpha, …;
they sum to less than alpha for any number of releases, so the chance of even one wrong promotion in the year
stays under alpha (by Boole's inequality, whatever the tests have to do with one another). Later releases
have to be surer, and the budget is never empty.

Lan, K. K. G., DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials. Biometrika 70(3),
659-663.
Foster, D. P., Stine, R. A. (2008). Alpha-investing: a procedure for sequential control of expected false
discoveries. JRSS B 70(2), 429-444. (What is earned back there is not earned back here.)
"""


def spend(budget: float, share: float, spent: float) -> float:
    """What a release may spend: a share of what is left.

    Args:
        budget: alpha of one model and calendar year.
        share: of what is left, over 0 and under 1.
        spent: what the releases before it took, whatever became of them.

    Example:
        >>> first = spend(0.05, 0.2, 0.0)
        >>> second = spend(0.05, 0.2, first)
        >>> round(first, 6), round(second, 6)
        (0.01, 0.008)
    """
    return max(0.0, budget - spent) * share
