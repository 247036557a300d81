"""Summaries of columns in fixed memory that merge: what a profile is made of.

One file a thing: `number`, `category` and `text` summarise a column of that kind (`column` says what they
share); `moments`, `quantiles`, `distinct` and `frequent` are what they are built from; `vocabulary` cuts
texts into tokens and remembers which were known. Comparing summaries is `stats.drift`'s business.

Merging is exact for counts and moments, and within the stated error for the rest:

    quantiles   KLL, k = 2048      rank error 0.14 % (99 % of sketches); exact up to some 2,000 values
    distinct    HLL, 4096 registers  relative standard error 1.6 %
    frequent    1,536 categories, 6,144 words   counts low by at most 0.17 % and 0.04 % of the total weight
"""
