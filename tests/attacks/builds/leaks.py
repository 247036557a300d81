"""C10: what errors and filters tell."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "errors name the place of the project",
        "serving",
        "    told.what, told.expected, told.next_step = (",
        "    return error\n    told.what, told.expected, told.next_step = (",
        ("tests/attacks/test_leaks.py::test_a_project_file_that_is_broken_is_told_of_without_its_place",),
    ),
    Mutant(
        "errors name the database",
        "serving",
        "    for place, instead in _DATABASE:",
        "    for place, instead in _DATABASE[:0]:",
        (
            "tests/attacks/test_leaks.py::test_two_projects_in_one_database_see_nothing_of_each_other_and_its_end_tells_no_secret",
        ),
    ),
    Mutant(
        "an unforeseen error tells of itself",
        "serving",
        '            "The service failed on this request.",',
        "            f\"The service failed on this request: {__import__('traceback').format_exc()}\",",
        ("tests/server/test_app.py::test_an_unforeseen_error_says_nothing_of_itself",),
    ),
    Mutant(
        "an object that is named and not there is our fault",
        "server",
        "    if not workspace.store.has(Digest(str(digest))):",
        "    if digest is workspace:",
        (
            "tests/attacks/test_leaks.py::test_an_object_that_a_caller_names_and_that_is_not_there_is_their_mistake",
        ),
    ),
)
