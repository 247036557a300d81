"""C8: what a browser might run."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "an artifact is shown in place",
        "server",
        "f'attachment; filename=\"{digest}\"'",
        "f'inline; filename=\"{digest}\"'",
        ("tests/attacks/test_markup.py::test_an_artifact_leaves_as_an_attachment_of_plain_bytes",),
    ),
    Mutant(
        "an artifact is not in a sandbox",
        "serving",
        "frame-ancestors 'none'; sandbox",
        "frame-ancestors 'none'",
        ("tests/attacks/test_markup.py::test_an_artifact_leaves_as_an_attachment_of_plain_bytes",),
    ),
    Mutant(
        "a browser may guess what an answer is",
        "serving",
        'SAFETY_HEADERS = [\n    (b"x-content-type-options", b"nosniff"),',
        "SAFETY_HEADERS = [",
        ("tests/attacks/test_markup.py::test_an_artifact_leaves_as_an_attachment_of_plain_bytes",),
    ),
    Mutant(
        "a caller's content type is taken",
        "server",
        '    if header(scope, b"content-type") != OCTETS:',
        '    if not header(scope, b"content-type"):',
        ("tests/attacks/test_markup.py::test_a_callers_content_type_is_refused_and_never_kept",),
    ),
)
