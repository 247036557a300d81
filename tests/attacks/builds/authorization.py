"""C5: who may do what."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "a route does not ask for its permission",
        "server",
        "        if not visitor.caller.may(route.permission):",
        "        if visitor is None:",
        (
            "tests/attacks/test_authorization.py::test_no_spelling_of_a_path_lets_a_viewer_or_a_stranger_in",
            "tests/attacks/test_authorization.py::test_an_object_is_for_who_may_read_objects_and_no_other_learns_whether_it_is_there",
        ),
    ),
    Mutant(
        "a stranger is told which paths there are",
        "server",
        "        if visitor.is_stranger:\n            known",
        "        if visitor is None:\n            known",
        ("tests/attacks/test_authorization.py::test_no_spelling_of_a_path_lets_a_viewer_or_a_stranger_in",),
    ),
    Mutant(
        "a job's answer is for everybody who may read jobs",
        "server",
        "    if not context.caller.may(permission):",
        "    if permission is None:",
        ("tests/attacks/test_authorization.py::test_a_jobs_answer_is_for_who_may_ask_its_question",),
    ),
    Mutant(
        "a job's key gives its job to anybody",
        "server",
        "    if (known.operation, asked) != (operation, asked_for(context.actor, arguments)):",
        "    if known.operation != operation:",
        ("tests/attacks/test_authorization.py::test_a_jobs_key_gives_nobody_anothers_job",),
    ),
    Mutant(
        "a member may name themselves as somebody else",
        "server",
        'if visitor.role is None else ""',
        'if visitor is not None else ""',
        ("tests/attacks/test_authorization.py::test_a_name_in_a_header_makes_nobody_somebody_else",),
    ),
    Mutant(
        "a narrowed token issues itself a wider one",
        "members",
        "    return (allowed - MANAGING) | {HEALTH, DESCRIBE}",
        "    return allowed | MANAGING | {HEALTH, DESCRIBE}",
        ("tests/attacks/test_authorization.py::test_a_narrowed_token_gets_itself_no_wider_one",),
    ),
)
