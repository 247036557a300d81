"""Erasing: values of the ledger, and rows of a subject, so that nothing of them is left on the disk.

The events stay, and so do all proofs. What went, under whose request, and what could not be reached stands in
a certificate. What happens (`events`), what goes (`values`, `rows`, with `subject` and `search`), how it goes
(`complete`), and what is said of it (`records`).
"""
