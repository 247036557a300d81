import threading

from ropeway.ledger.lock import Turnstile


def test_threads_go_through_in_the_order_in_which_they_came() -> None:
    turnstile = Turnstile("here")
    came: list[int] = []

    def go(number: int) -> None:
        with turnstile:
            came.append(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    with turnstile:
        for standing, thread in enumerate(threads, start=1):
            thread.start()
            while len(turnstile._waiting) < standing:
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert came == list(range(8))


def test_one_that_fails_within_lets_the_next_in() -> None:
    turnstile = Turnstile("there")
    for _ in range(3):
        try:
            with turnstile:
                raise RuntimeError("within")
        except RuntimeError:
            continue
    with turnstile:
        pass
