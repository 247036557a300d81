"""The log of predictions as data: what was answered, what was said of it, sealed and found again."""
