"""The report on production: its data as one record, and one self-contained page drawn from that.

`gather` reads the ledger and the store; everything else here is pure.
"""
