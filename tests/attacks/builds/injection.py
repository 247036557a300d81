"""C4: names that something would obey."""

from tests.attacks.weakened import Edit, Mutant

HERE = "tests/attacks/test_injection.py"
BUILDS = (
    Mutant(
        "a terminal is given names as they are",
        "cli",
        "yield segment if segment.control else Segment(plain(segment.text), segment.style)",
        "yield segment",
        (f"{HERE}::test_a_terminal_obeys_no_name",),
    ),
    Mutant(
        "an error says names as they are",
        "cli",
        "{head}  {plain(lines[0])}",
        "{head}  {lines[0]}",
        (f"{HERE}::test_an_error_obeys_no_name",),
    ),
    Mutant(
        "a name may begin a line of a card",
        "models",
        '        note = f": {_line(move.note)}" if move.note else ""',
        '        note = f": {move.note}" if move.note else ""',
        (f"{HERE}::test_nobody_writes_a_line_into_a_card",),
        also=(Edit("models", '_BREAK.sub(" ", line) for line in lines', "line for line in lines"),),
    ),
    Mutant(
        "whatever is on record is a package",
        "keeping",
        "    if strange := sorted(name for name in imported if not _is_plain(name, pins[name])):",
        "    if strange := sorted(name for name in imported if not pins[name]):",
        (f"{HERE}::test_no_package_is_installed_that_is_no_name_and_version",),
    ),
    Mutant(
        "git runs what a repository says",
        "tracking",
        '("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")',
        "()",
        (f"{HERE}::test_a_repositorys_own_settings_run_nothing",),
    ),
)
