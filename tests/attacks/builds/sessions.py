"""C12: tokens and sessions that are over."""

from tests.attacks.weakened import Edit, Mutant

BUILDS = (
    Mutant(
        "who was recognized once stays so whatever happens",
        "server",
        "        if mark is None or mark != self._mark:",
        "        if mark is None:",
        ("tests/server/test_auth.py::test_a_change_holds_at_the_next_request_on_every_replica",),
    ),
    Mutant(
        "who was recognized once outlives the token",
        "server",
        "        if known is not None and not self._is_over(known):",
        "        if known is not None:",
        ("tests/server/test_auth.py::test_a_token_whose_time_is_over_is_so_while_nothing_happens",),
    ),
    Mutant(
        "a revoked token goes on",
        "members",
        "    if row.revoked_at is not None or row.role is None or until <= now:",
        "    if row.role is None or until <= now:",
        (
            "tests/attacks/test_sessions.py::test_a_token_that_is_revoked_on_one_replica_is_over_on_both_and_so_is_its_session",
        ),
    ),
    Mutant(
        "a clock that is set back brings tokens back",
        "members",
        "    now = max(now, row.last_at or now)",
        "    pass",
        (
            "tests/attacks/test_sessions.py::test_a_replica_whose_clock_is_an_hour_behind_takes_nothing_that_history_has_outlived",
        ),
    ),
    Mutant(
        "a session outlives its token",
        "members",
        '    until = min(row.expires_at, getattr(row, "session_expires_at", row.expires_at))',
        '    until = getattr(row, "session_expires_at", row.expires_at)',
        (
            "tests/attacks/test_sessions.py::test_a_clock_an_hour_ahead_ends_what_is_over_by_it_and_begins_nothing_longer",
        ),
        also=(
            Edit(
                "members",
                "    until = min(access.expires_at, to_text(began + LASTS))",
                "    until = to_text(began + LASTS)",
            ),
        ),
    ),
    Mutant(
        "a role is what it was when the token was issued",
        "members",
        "allowed=narrowed(row.role, at_most",
        'allowed=narrowed("operator", at_most',
        ("tests/attacks/test_sessions.py::test_a_role_that_changes_and_a_member_who_goes_change_both",),
    ),
    Mutant(
        "of a token its id is enough",
        "members",
        "    if not secret.fits(None if row is None else row.digest) or row is None:",
        "    if row is None:",
        ("tests/attacks/test_sessions.py::test_a_token_with_any_character_changed_opens_nothing",),
    ),
)
