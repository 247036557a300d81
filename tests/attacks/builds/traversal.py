"""C1: names that lead out of a folder."""

from tests.attacks.weakened import Edit, Mutant

HERE = "tests/attacks/test_traversal.py"
BUILDS = (
    Mutant(
        "a tree may name a place outside of its folder",
        "store",
        '    return not ({"", ".", ".."} & set(parts)',
        '    return not ({"", "."} & set(parts)',
        (f"{HERE}::test_a_tree_that_leads_out_is_restored_nowhere",),
    ),
    Mutant(
        "a digest may be any text",
        "store",
        "    if not _DIGEST.fullmatch(given):",
        "    if not given:",
        (f"{HERE}::test_no_field_of_any_operation_names_a_file",),
    ),
    Mutant(
        "a run may be called as one likes",
        "tracking",
        "    if not _RUN_ID.fullmatch(run):",
        "    if not run:",
        (f"{HERE}::test_no_field_of_any_operation_names_a_file",),
    ),
    Mutant(
        "a dataset may be called as one likes",
        "data",
        "    if not _NAME.fullmatch(name):",
        "    if not name:",
        (f"{HERE}::test_a_server_that_lies_writes_and_reads_nothing_of_the_clients",),
    ),
    Mutant(
        "a backup may bring files for anywhere",
        "keeping",
        "if not is_own(path)]:",
        "if not path]:",
        (f"{HERE}::test_a_backup_writes_nowhere_else",),
    ),
    Mutant(
        "a backup may bring segments for anywhere",
        "keeping",
        "if not _is_segment(path)]:",
        "if not path]:",
        (f"{HERE}::test_a_backup_writes_nowhere_else",),
    ),
    Mutant(
        "the id of a prediction may hold any text",
        "predictions",
        'rf"p-([{ALPHABET}]{{{REPLICA_LENGTH}}})-(',
        'rf"p-(.{{1,{REPLICA_LENGTH * 99}}})-(',
        (f"{HERE}::test_no_name_that_a_service_is_sent_leads_to_a_file",),
    ),
    Mutant(
        "a backup may have pipes and devices in it",
        "keeping",
        "Path(entry.path).exists() and not (entry.is_file() or entry.is_dir()):",
        "not entry.path:",
        (f"{HERE}::test_a_backup_with_a_pipe_or_a_device_in_it_is_not_read",),
    ),
    Mutant(
        "a link in a folder is followed",
        "store",
        "entry.stat(follow_symlinks=False)",
        "entry.stat(follow_symlinks=True)",
        (f"{HERE}::test_links_and_devices_are_no_members",),
        also=(Edit("store", "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK", "os.O_RDONLY | os.O_NONBLOCK"),),
    ),
    Mutant(
        "restoring follows a link that stands in its way",
        "data",
        "        if path.is_symlink() or (path.exists() and not path.is_dir()):",
        "        if path.exists() and not path.is_dir():",
        (f"{HERE}::test_a_link_in_the_way_is_not_followed",),
    ),
)
