import base64

import pytest

from ropeway.core.note import (
    KeyInvalid,
    NoteInvalid,
    Verifier,
    checkpoint_text,
    new_signer,
    parse_checkpoint,
    parse_signer,
    parse_verifier,
    signer_of,
)

ROOT = bytes(range(32))
SIGNER = new_signer("ledger_trial")
NOTE = SIGNER.sign(checkpoint_text("ledger_trial", 7, ROOT))

# The example of c2sp.org/signed-note, as golang.org/x/mod/sumdb/note signs it.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ryy"
    "BwJnAM=\n"
)


def test_a_note_of_gos_own_library_is_verified() -> None:
    assert signer_of(SAID, [parse_verifier(PETER)]) == parse_verifier(PETER)
    with pytest.raises(NoteInvalid, match="not that of the key"):
        signer_of(SAID.replace("answer", "anzwer"), [parse_verifier(PETER)])


def test_a_checkpoint_is_three_lines_and_a_signature() -> None:
    assert NOTE.split("\n")[:3] == ["ledger_trial", "7", base64.b64encode(ROOT).decode()]
    said = parse_checkpoint(NOTE)
    assert (said.origin, said.size, said.root, said.note) == ("ledger_trial", 7, ROOT, NOTE)
    assert signer_of(NOTE, [SIGNER.verifier]) == SIGNER.verifier


def test_keys_go_through_their_text() -> None:
    assert parse_signer(SIGNER.text) == SIGNER
    assert parse_verifier(SIGNER.verifier.text) == SIGNER.verifier
    assert "private" not in repr(SIGNER)


def test_a_note_of_a_key_that_is_not_known_is_nobodys() -> None:
    assert signer_of(NOTE, [new_signer("ledger_trial").verifier]) is None
    assert signer_of(NOTE, []) is None


def test_a_second_signature_does_no_harm() -> None:
    other = new_signer("witness")
    line = other.sign(checkpoint_text("ledger_trial", 7, ROOT)).rpartition("\n\n")[2]
    assert signer_of(NOTE + line, [SIGNER.verifier]) == SIGNER.verifier
    assert signer_of(NOTE + line, [other.verifier]) == other.verifier


LARGE, LEADING, NEGATIVE = (NOTE.replace("\n7\n", f"\n{size}\n") for size in ("9" * 99, "07", "-7"))
TORN = (NOTE[:-1], NOTE + "x", NOTE + "— x !!\n", NOTE.replace("AAEC", "AAE"), NOTE.replace("— ", "- "))


@pytest.mark.parametrize("note", ["", "\n\n", "a\n", LARGE, LEADING, NEGATIVE, *TORN, "x" * 70_000])
def test_junk_is_no_checkpoint(note: str) -> None:
    with pytest.raises(NoteInvalid, match="does not hold"):
        parse_checkpoint(note)


@pytest.mark.parametrize("line", ["", "a+b", "a+00000000+AAAA", PETER.replace("c74f", "c74e"), PETER[:-4]])
def test_junk_is_no_key(line: str) -> None:
    with pytest.raises(KeyInvalid, match="no verifier key"):
        parse_verifier(line)


def test_a_key_belongs_to_its_name() -> None:
    renamed = Verifier("ledger_other", SIGNER.verifier.public)
    assert renamed.id != SIGNER.verifier.id
    assert signer_of(NOTE, [renamed]) is None
