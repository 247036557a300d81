"""`python -m ropeway.cli`: the command line without its script."""

from ropeway.cli.main import main

main()
