"""Taking numbers, categories and texts into a profile, beside a numpy sort of the numbers, in one process."""

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure

ROWS = 1_000_000
TEXTS = 100_000
WORDS = 15


def measure(bench: Bench) -> list[Figure]:
    import numpy as np
    import polars as pl

    from ropeway.stats.profile import profile
    from ropeway.stats.sketches.quantiles import Quantiles

    rows, texts, times = bench.times(ROWS, 20_000), bench.times(TEXTS, 2_000), bench.times(9, 2)
    random = np.random.default_rng(0)
    numbers = random.normal(size=rows)
    columns = {
        "numbers": pl.DataFrame({"x": numbers}),
        "categories": pl.DataFrame({"x": random.zipf(1.3, rows).clip(max=1000).astype(str)}),
        "texts": pl.DataFrame({"x": _texts(random, texts)}),
    }
    kinds = {"numbers": "number", "categories": "category", "texts": "text"}

    def millions_a_second(work: object, height: int) -> float:
        assert callable(work)
        return height / 1e3 / bench.median_ms(work, times=times)

    sort = millions_a_second(lambda: np.sort(numbers), rows)
    whole = {
        name: millions_a_second(lambda f=frame, k=kinds[name]: profile(f, {"x": k}), frame.height)
        for name, frame in columns.items()
    }
    quantiles = millions_a_second(lambda: Quantiles().update(numbers), rows)
    size = len(profile(columns["numbers"], {"x": "number"}).to_bytes())
    unit, beside = "million/s", {"numpy.sort of the numbers": sort}
    return [
        Figure(
            what="numbers into a quantile sketch",
            ours=quantiles,
            unit=unit,
            beside=beside,
            higher_is_better=True,
            note=f"{rows:,} numbers at a time; a sort keeps them all, the sketch some 50 kB",
        ),
        Figure(
            what="numbers into a profile",
            ours=whole["numbers"],
            unit=unit,
            beside=beside,
            higher_is_better=True,
            note=f"the profile of {rows:,} takes {size / 1000:.0f} kB; most of the time counts "
            "different ones, which the library takes one by one",
        ),
        Figure(
            what="categories into a profile",
            ours=whole["categories"],
            unit=unit,
            beside=beside,
            higher_is_better=True,
            note="1,000 different ones, as strings",
        ),
        Figure(
            what="tokens into a profile of texts",
            ours=whole["texts"] * WORDS,
            unit=unit,
            beside=beside,
            higher_is_better=True,
            note=f"texts of {WORDS} words from 20,000; cutting them into tokens is part of it",
        ),
    ]


def _texts(random: object, height: int) -> list[str]:
    import numpy as np

    assert isinstance(random, np.random.Generator)
    words = np.array([f"word{number}" for number in range(20_000)])
    return [" ".join(row) for row in words[random.zipf(1.3, (height, WORDS)) % len(words)]]


CASE = Case(name="sketch", title="Profiles in fixed memory", measure=measure)
