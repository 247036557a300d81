"""C9: memory, time and sockets."""

from tests.attacks.weakened import Mutant

PARQUET = "tests/attacks/test_parquet.py"
BUILDS = (
    Mutant(
        "values in a body are not counted",
        "serving",
        "    _check_values(body)\n",
        "",
        ("tests/attacks/test_load.py::test_a_body_that_is_too_much_is_refused_in_little_memory",),
    ),
    Mutant(
        "the depth of a body is not looked at",
        "serving",
        "    if _depth_exceeds(value, MAX_DEPTH):",
        "    if value is body:",
        (
            "tests/serving/test_door.py",
            "tests/serving/test_app.py",
        ),
    ),
    Mutant(
        "bodies that are held back are kept",
        "serving",
        "        while sum(self._arriving.values()) > self.all_bytes:",
        "        while not self._arriving:",
        ("tests/attacks/test_load.py::test_bodies_that_are_held_back_give_way_to_those_that_come",),
    ),
    Mutant(
        "a body may take as long as it likes",
        "serving",
        "            async with asyncio.timeout(BODY_S) as timeout:",
        "            async with asyncio.timeout(3 * BODY_S + 1_000) as timeout:",
        ("tests/attacks/test_load.py::test_a_body_that_trickles_is_given_up",),
    ),
    Mutant(
        "each byte of an object buys it more time",
        "server",
        "    while size < enough:",
        "    while size < min(enough, enough - PIECE_BYTES + 1):",
        ("tests/attacks/test_load.py::test_an_object_that_trickles_is_given_up",),
    ),
    Mutant(
        "sockets that say nothing stay",
        "serving",
        "        if len(self.connections) > self.max_connections and self.idle:",
        "        if self.max_connections < 0:",
        (
            "tests/attacks/test_load.py::test_sockets_that_say_nothing_give_way_where_no_more_files_may_be_open",
        ),
    ),
    Mutant(
        "headers may be of any size",
        "serving",
        "        if self.header_bytes > HEADER_BYTES:",
        "        if self.header_bytes > HEADER_BYTES * HEADER_BYTES:",
        ("tests/attacks/test_load.py::test_a_head_that_is_too_much_is_refused_in_little_memory",),
    ),
    Mutant(
        "Parquet of others is read in the server",
        "data",
        '    if form == "parquet" and is_foreign:',
        '    if form == "parquet" and not form:',
        (f"{PARQUET}::test_a_job_about_it_fails_and_the_server_goes_on[columns 10^5 deep]",),
    ),
    Mutant(
        "Parquet may unpack to what it likes",
        "data",
        "                if left < 0:",
        "                if left < -(1 << 50):",
        ("tests/attacks/test_parquet.py::test_each_of_them_is_refused_and_the_next_file_is_read",),
    ),
    Mutant(
        "a listing may hold anything",
        "store",
        "Annotated[Digest, msgspec.Meta(min_length=64, max_length=64)]",
        "Annotated[Digest, msgspec.Meta(min_length=0, max_length=640)]",
        ("tests/attacks/test_listings.py::test_millions_of_nothings_are_refused_at_the_first",),
    ),
    Mutant(
        "a guest's listing may be of any length",
        "data",
        "        if size > LARGEST_LISTING_BYTES:",
        "        if size < 0:",
        ("tests/attacks/test_listings.py::test_an_enormous_listing_is_refused_of_a_guest",),
    ),
)
