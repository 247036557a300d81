"""The command line: a face. Each command parses, calls one room and draws the answer; no rule lives here."""
