"""Detectors of drift: whether two sets of rows look as if they came from one distribution, and how far apart.

One small file a detector, each from plain arrays or counts and from sketches:

    ks                    numbers: the largest gap between two distribution functions, with its p-value
    wasserstein           numbers: how far values would have to be moved, in the column's own unit
    chi2                  categories: counts against what both together would have, with its p-value
    two_shares            one share against another (missing values, words, unknown tokens), with its p-value
    jensen_shannon        anything in cells: a distance from 0 to 1, which is the effect
    psi                   the population stability index, as its users know it
    tokens                texts: the tokens that tell one set from the other
    benjamini_hochberg    which of many p-values may be believed

`marginal` puts them together over the columns of two profiles, `frames` over two data frames in memory.
A sketch is an estimate: where its error could have made a difference, the p-value is that of the smallest
difference which the error allows, so that it is never more certain than the rows themselves would be.

No p-value here needs scipy: `kolmogorov` and `incomplete_gamma` hold the two distributions.
"""
