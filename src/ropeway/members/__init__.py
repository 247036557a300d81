"""The people of a project, their roles, and the tokens and sessions by which a server knows them.

Not here: HTTP (`server`), and what is asked of a permission once it is known (`workspace`).
"""
