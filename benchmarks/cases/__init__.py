"""One file a case; each has a `CASE`. The order of the names is the order of the page."""
