from tests.faults.tamper import TAMPERS, tamper_often


def test_every_kind_of_tamper_is_found_or_was_declared() -> None:
    account = tamper_often(2 * len(TAMPERS), seed=11)
    assert account.missed == []
    assert sum(account.found.values()) + sum(account.declared.values()) == 2 * len(TAMPERS)
    # Of what was cut where no head outside reaches, nobody can know; all else is found.
    kinds = {name for name, count in account.declared.items() if count}
    assert kinds <= {"tail_truncated_with_checkpoints", "rebuilt_and_heads_forgotten"}
