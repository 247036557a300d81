"""C6: what could be guessed or found."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "an unknown id is told apart from a wrong secret",
        "server",
        "            raise TokenRefused if bearer",
        "            known = parse(bearer or '', TOKEN)\n            from ropeway.members.projections import token as table\n            from sqlalchemy import select\n            with self._workspace.ledger.reading() as read:\n                if known and read.execute(select(table.c.id).where(table.c.id == known.id)).first():\n                    raise SignInRequired\n            raise TokenRefused if bearer",
        ("tests/attacks/test_secrets.py::test_a_known_id_with_a_wrong_secret_is_answered_as_an_unknown_one",),
    ),
    Mutant(
        "what is kept of a token is the token",
        "members",
        "        return hashlib.sha256(self.text.encode()).hexdigest()",
        "        return self.secret",
        ("tests/attacks/test_secrets.py::test_nothing_that_a_server_keeps_opens_it",),
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
