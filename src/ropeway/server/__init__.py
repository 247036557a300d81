"""A face: every operation over HTTP on loopback, from the definitions that the local call uses.

Not here: what the operations do. Not yet: authentication, which is why it listens on loopback only.
"""
