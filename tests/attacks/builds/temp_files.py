"""C11: files that others on a machine can read or foresee."""

from tests.attacks.weakened import Mutant

HERE = "tests/attacks/test_temp_files.py"
BUILDS = (
    Mutant(
        "the ledger is made as SQLite makes files",
        "ledger",
        "os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600",
        "os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644",
        (f"{HERE}::test_what_is_kept_is_its_owners_alone",),
    ),
    Mutant(
        "folders are made as the mask has them",
        "store",
        "            each.mkdir(exist_ok=True, mode=PRIVATE)",
        "            each.mkdir(exist_ok=True)",
        (f"{HERE}::test_what_is_kept_is_its_owners_alone",),
    ),
    Mutant(
        "segments may be read by others",
        "store",
        "newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600",
        "newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644",
        (f"{HERE}::test_what_is_kept_is_its_owners_alone",),
    ),
)
