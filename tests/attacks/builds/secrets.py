"""C6: what could be guessed or found."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "an unknown id is told apart from a wrong secret",
        "members",
        '    row = read.execute(query, {"id": secret.id}).first()',
        '    row = read.execute(query, {"id": secret.id}).one()',
        ("tests/attacks/test_secrets.py::test_a_known_id_with_a_wrong_secret_is_answered_as_an_unknown_one",),
    ),
    Mutant(
        "wrong sessions are not counted",
        "server",
        "            wait_s = self._attempts.wrong(_address(scope))",
        "            wait_s = None if bearer is None else self._attempts.wrong(_address(scope))",
        (
            "tests/attacks/test_secrets.py::test_wrong_sessions_and_forwarded_addresses_count_as_wrong_tokens_do",
        ),
    ),
    Mutant(
        "a refusal is written down with the whole token",
        "server",
        'token="" if shown is None else shown.id,',
        'token=bearer or "",',
        ("tests/attacks/test_secrets.py",),
    ),
)
