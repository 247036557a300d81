"""C3: code that comes as data."""

from tests.attacks.weakened import Mutant

HERE = "tests/attacks/test_canaries.py"
BUILDS = (
    Mutant(
        "arrays of objects are loaded",
        "pipelines",
        '    array = np.load(io.BytesIO(node["v"]), allow_pickle=False)',
        '    array = np.load(io.BytesIO(node["v"]), allow_pickle=True)',
        (f"{HERE}::test_no_artifact_is_run_by_being_loaded",),
    ),
    Mutant(
        "an artifact that is no value of ours is tried as a pickle",
        "pipelines",
        "    document = msgspec.msgpack.decode(data)",
        "    try:\n        document = msgspec.msgpack.decode(data)\n    except ValueError:\n"
        "        document = __import__('pickle').loads(data)",
        (f"{HERE}::test_no_artifact_is_run_by_being_loaded",),
    ),
    Mutant(
        "types that nobody has reviewed are loaded",
        "pipelines",
        "    if unknown:\n        raise UntrustedTypes(unknown)",
        "    if unknown is None:\n        raise UntrustedTypes(unknown)",
        (f"{HERE}::test_no_artifact_is_run_by_being_loaded",),
    ),
    Mutant(
        "a model's code runs whoever wrote it",
        "models",
        "    if not detail.source_approved:",
        "    if detail is None:",
        (f"{HERE}::test_no_code_is_run_that_nobody_approved",),
    ),
    Mutant(
        "a colleague's code runs without being read",
        "models",
        '    if told and told[0].auth != "none" and told[0].by != workspace.actor_name:',
        '    if told and told[0].auth == "":',
        (f"{HERE}::test_no_colleagues_code_is_run_by_being_done_again_or_registered",),
    ),
    Mutant(
        "an object may be brought as anything",
        "server",
        '    if header(scope, b"content-type") != OCTETS:',
        '    if header(scope, b"content-type") == "":',
        (f"{HERE}::test_no_object_is_run_by_being_referred_to",),
    ),
)
