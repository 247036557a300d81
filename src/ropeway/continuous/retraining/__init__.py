"""One pass from a trigger to a release, or to the reason why not: each stage on record when it is done."""
