"""What came with MLflow's doors: webhooks, files in parts, spans, packages and stores that others made."""

from tests.attacks.weakened import Edit, Mutant

HOOKS = "tests/webhooks/test_webhooks.py"
PAGES = "tests/mlflow/test_pages.py"
BUILDS = (
    Mutant(
        "a webhook may have any address",
        "webhooks",
        "time.monotonic() + LOOK_UP_S, allow_private=False)",
        "time.monotonic() + LOOK_UP_S, allow_private=True)",
        (f"{HOOKS}::test_an_address_that_a_person_did_not_allow_is_refused",),
    ),
    Mutant(
        "a webhook's address is looked at only when it is made",
        "webhooks",
        "    allowed = is_allowed(hidden.url, settings)\n    parts",
        "    allowed = True\n    parts",
        (f"{HOOKS}::test_an_address_that_is_allowed_no_more_is_not_called",),
    ),
    Mutant(
        "a webhook's address is told in history",
        "webhooks",
        "            host=host,\n            description=description,\n            topics=topics,",
        "            host=url,\n            description=description,\n            topics=topics,",
        (f"{HOOKS}::test_neither_address_nor_secret_is_in_the_clear_anywhere",),
    ),
    Mutant(
        "a message is signed with no secret",
        "webhooks",
        "signed_headers(identity, body, secret.encode(), now)",
        'signed_headers(identity, body, b"", now)',
        (f"{HOOKS}::test_a_webhook_is_told_in_order_what_happened_since_it_is_there",),
    ),
    Mutant(
        "any grant lets in a part of any upload",
        "server",
        "        return hmac.compare_digest(known, _digest(shown))",
        "        return bool(known)",
        ("tests/mlflow/test_permissions.py::test_a_part_of_a_file_is_let_in_by_its_own_grant_alone",),
    ),
    Mutant(
        "an upload may end as another file",
        "server",
        '    if _terms(folder).place != place:\n        raise Refusal("This upload is of another file.")\n'
        "    with _alone(folder):",
        "    with _alone(folder):",
        (f"{PAGES}::test_an_upload_is_for_its_file_alone_and_goes_when_it_is_given_up",),
    ),
    Mutant(
        "the parts of an upload may fill the disk",
        "server",
        "    if await asyncio.to_thread(_kept_bytes, folder, int(number)) > limit_bytes * PARTS_BYTES:",
        "    if await asyncio.to_thread(_kept_bytes, folder, int(number)) < 0:",
        (f"{PAGES}::test_the_parts_of_an_upload_fill_no_disk",),
    ),
    Mutant(
        "spans may unpack to what they like",
        "server",
        "            if len(found) > LARGEST_BYTES:",
        "            if len(found) < 0:",
        ("tests/mlflow/test_otlp.py::test_junk_is_refused_in_the_protocols_form",),
        also=(Edit("server", "    if len(plain) > LARGEST_BYTES:", "    if len(plain) < 0:"),),
    ),
    Mutant(
        "a model of others is loaded before anybody approved it",
        "models",
        "    found.require_allowed()\n    inputs = Inputs(workspace)",
        "    inputs = Inputs(workspace)",
        ("tests/models/test_adopting.py::test_nothing_in_a_package_runs_without_approval",),
    ),
    Mutant(
        "a model of ONNX may name files of this machine",
        "models",
        "    if not set(named) <= beside.keys():",
        "    if ref is data:",
        (
            "tests/models/test_adopting.py::test_a_model_of_onnx_whose_weights_are_not_in_its_package_is_refused",
        ),
    ),
    Mutant(
        "a store that is brought over may name any place",
        "bringing",
        "        return any(path.is_relative_to(root) for root in self.roots)",
        "        return bool(self.roots)",
        ("tests/bringing/test_bringing.py::test_a_place_outside_is_refused",),
    ),
    Mutant(
        "a pattern for a trace may be of any length",
        "tracking",
        "    if len(pattern) > LONGEST_PATTERN:",
        "    if not comparator:",
        ("tests/tracking/traces/test_traces.py::test_a_pattern_that_backtracks_is_no_trap",),
    ),
    Mutant(
        "a list in a filter may be of any length",
        "tracking",
        "    if listed > LISTED_LIMIT:",
        "    if listed < 0:",
        ("tests/tracking/test_mlflow_filter.py::test_a_filter_over_a_limit_is_refused",),
    ),
)
