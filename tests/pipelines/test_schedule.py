"""Order, waiting and failing of scheduled work."""

import threading

import pytest

from ropeway.pipelines.schedule import Schedule


def test_work_waits_for_what_it_needs():
    done: list[str] = []
    needs = {"c": {"b"}, "b": {"a"}, "a": set(), "d": {"a"}}
    Schedule(needs, look=lambda name: name, work=done.append, workers=2).run()
    assert sorted(done) == ["a", "b", "c", "d"]
    assert done[0] == "a"
    assert done.index("b") < done.index("c")


def test_what_is_there_already_is_not_done():
    done: list[str] = []
    Schedule(
        {"a": set(), "b": {"a"}}, look=lambda name: None if name == "a" else name, work=done.append, workers=2
    ).run()
    assert done == ["b"]


def test_after_a_failure_nothing_new_begins_and_what_runs_comes_to_its_end():
    failed, done = threading.Event(), []

    def work(name: str) -> None:
        if name == "bad":
            failed.set()
            raise ValueError("bad")
        failed.wait(10)
        done.append(name)

    needs: dict[str, set[str]] = {"bad": set(), "slow": set(), "later": {"slow"}, "waiting": set()}
    with pytest.raises(ValueError, match="bad"):
        Schedule(needs, look=lambda name: name, work=work, workers=2).run()
    assert done == ["slow"]


def test_what_must_be_alone_is_done_beside_nothing():
    beside, running = [], set()

    def work(name: str) -> None:
        running.add(name)
        if name == "alone":
            beside.append(set(running))
        threading.Event().wait(0.02)
        running.discard(name)

    needs: dict[str, set[str]] = {name: set() for name in ("a", "alone", "b", "c")}
    Schedule(needs, look=lambda name: name, work=work, is_alone=lambda name: name == "alone", workers=3).run()
    assert beside == [{"alone"}]
