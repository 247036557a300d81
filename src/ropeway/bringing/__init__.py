"""What comes as a whole from the store of another tool: read there, told here, held against each other.

A source only reads, and only where it was pointed to. What is told here are the operations that any client
has, so that a run that was brought over is a run like any other. Not here: versions that travel between
workspaces (`remotes`), data (`data.sources`).
"""
