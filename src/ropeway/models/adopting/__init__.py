"""Versions that another tool packaged, translated into what the gate judges and what is served.

What the package says of itself is data and is read as such (`mlmodel`); its model file is opened by a loader
that runs nothing in it (`loaders`), or, where it can only be loaded by running it, once somebody has approved
exactly those bytes. Code that comes with it is never imported otherwise.
"""
