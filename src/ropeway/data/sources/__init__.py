"""Where `ropeway data pull` fetches from: a database, an address, a bucket, files. One small module a kind.

Each gives what is new since the state that it was given, and the state after it; nothing here records.
"""
