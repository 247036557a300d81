"""What frameworks tell while they train, recorded in a run: small, explicit, and nothing patched.

A framework is imported only where its own object is used, and by whoever uses it. Not here: runs themselves
(`tracking`), estimators as artifacts of a pipeline (`pipelines`).
"""
