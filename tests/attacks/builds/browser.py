"""C7: requests of somebody else's page."""

from tests.attacks.weakened import Mutant

BUILDS = (
    Mutant(
        "any origin will do",
        "serving",
        '        if origin.decode("latin-1").lower() not in (f"http://{host}", f"https://{host}"):',
        "        if not origin:",
        ("tests/attacks/test_browser.py::test_a_request_of_another_page_is_refused_on_every_path",),
    ),
    Mutant(
        "what a browser says of the site is not heard",
        "serving",
        '        if site not in (b"same-origin", b"none"):',
        "        if not site:",
        ("tests/attacks/test_browser.py::test_a_request_of_another_page_is_refused_on_every_path",),
    ),
    Mutant(
        "any host that begins like this one is this one",
        "serving",
        "    if not (answers_to or is_loopback)(host_name(host)):",
        '    if not (answers_to or is_loopback)(host_name(host)) and "127.0.0.1" not in host:',
        ("tests/attacks/test_browser.py::test_a_request_for_another_host_is_refused_on_every_path",),
    ),
    Mutant(
        "of two hosts one is enough",
        "serving",
        "    if len(hosts) != 1:",
        "    if not hosts:",
        ("tests/attacks/test_browser.py::test_a_request_for_another_host_is_refused_on_every_path",),
    ),
    Mutant(
        "a form's content type is taken",
        "serving",
        '    if content_type.partition(";")[0].strip().lower() != "application/json":',
        '    if content_type.startswith("image/"):',
        ("tests/attacks/test_browser.py::test_what_a_form_can_send_is_read_nowhere",),
    ),
    Mutant(
        "answers may be read by any page",
        "serving",
        '    (b"cache-control", b"no-store"),\n]\nJSON_',
        '    (b"cache-control", b"no-store"),\n    (b"access-control-allow-origin", b"*"),\n]\nJSON_',
        ("tests/attacks/test_browser.py::test_no_answer_lets_another_page_read_it",),
    ),
)
