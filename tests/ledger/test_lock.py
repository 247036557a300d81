import threading

from ropeway.ledger.lock import Line


def wait_for(line: Line, length: int) -> None:
    while line.length < length:
        threading.Event().wait(0.001)


def test_threads_go_through_in_the_order_in_which_they_came() -> None:
    line = Line()
    came: list[int] = []

    def go(number: int) -> None:
        line.enter()
        came.append(number)
        line.leave()

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    line.enter()
    for standing, thread in enumerate(threads, start=1):
        thread.start()
        wait_for(line, standing)
    line.leave()
    for thread in threads:
        thread.join()
    assert came == list(range(8))


def test_a_turn_is_handed_over_only_to_one_who_joins() -> None:
    line = Line()
    line.enter()
    assert not line.hand_over()
    for joins in (True, False):
        threading.Thread(target=lambda joins=joins: line.enter(joins=joins), daemon=True).start()
        wait_for(line, 2 if not joins else 1)
    assert line.hand_over()
    assert not line.hand_over()
    line.leave()
    assert line.length == 0
