"""C2: addresses that a machine is made to speak to."""

from tests.attacks.weakened import Mutant

HERE = "tests/attacks/test_fetching.py"
BUILDS = (
    Mutant(
        "a server opens what data refers to",
        "data",
        "    if not place.opens_addresses:",
        "    if place is None:",
        (f"{HERE}::test_a_server_opens_nothing_that_is_on_record",),
    ),
    Mutant(
        "anybody may refer to any address",
        "data",
        "if found.format == REFERRED and not context.opens_addresses:",
        "if found.format == REFERRED and context is None:",
        (f"{HERE}::test_nobody_from_afar_puts_such_an_address_on_record",),
    ),
    Mutant(
        "private addresses are spoken to",
        "workspace",
        "        if not allow_private and not is_public(address):",
        "        if not allow_private and address is None:",
        (f"{HERE}::test_no_spelling_of_this_machine_or_its_network_is_spoken_to",),
    ),
    Mutant(
        "nobody looks who is at the other end",
        "workspace",
        "    if peer not in addresses:",
        "    if not addresses:",
        (f"{HERE}::test_a_name_that_comes_to_mean_this_machine_later_gets_nothing",),
    ),
    Mutant(
        "a redirect is taken for an answer",
        "workspace",
        "    if changed and reply.status != http.client.OK:",
        "    if changed and reply.status >= http.client.BAD_REQUEST:",
        (f"{HERE}::test_a_redirect_is_not_followed",),
    ),
    Mutant(
        "a password in a URL is told",
        "workspace",
        r"""        url = re.sub(r"//[^/?#]*@", "//***@", url)""",
        "        pass",
        (f"{HERE}::test_a_password_in_an_address_is_kept_and_told_nowhere",),
    ),
    Mutant(
        "a run's own settings say where its ledger is",
        "keeping",
        "with LocalWorkspace(folder, actor=ACTOR, place=home / DATABASE, store=Store(home)) as made:",
        "with LocalWorkspace(folder, actor=ACTOR, store=Store(home)) as made:",
        (f"{HERE}::test_a_runs_own_settings_bring_no_ledger_elsewhere",),
    ),
)
