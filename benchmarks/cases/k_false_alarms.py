"""False alarms on undrifted tweets, delay until a turn to reviews is seen, estimates without labels.

Windows of 100 and 300 tweets are held against 3,000 others by the settings' defaults (alpha 0.01, effect
0.1); the splits are drawn anew each time. Then production turns from tweets to sentences of product reviews,
at once or over twenty windows. The two sets bear marks of how they were made (names made "@anonymous", links
removed): the delay is told with these marks and without them. Nothing here has a peer; the limit of false
alarms is alpha.
"""

from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from ropeway.stats.profile import Profile

ALPHA = 0.01
TRAIN, REFERENCE = 2_400, 3_000
WINDOW = 100
GRADUAL = 20
"""Windows over which reviews come to be all."""

MARKS = r"(?i)@?anonymous|https?\S*|url_removed|\bRT\b|[#@]\w+|\[[^\]]*\]"
REHEARSED = 1_200
"""Rows of each part of which a model's answers are cut into windows."""


def measure(bench: Bench) -> list[Figure]:
    import numpy as np

    generator = np.random.default_rng(0)
    tweets, reviews = _texts("tweets"), _texts("reviews")
    splits = bench.times(100, 2)
    figures = [_false_alarms(generator, tweets, rows, splits) for rows in (100, 300)]
    for marked in (True, False):
        some = (tweets, reviews) if marked else (_unmarked(tweets), _unmarked(reviews))
        figures += _delays(generator, *some, bench.times(40, 2), marked=marked)
    rehearsals = [_model(seed) for seed in range(bench.times(10, 1))]
    return [*figures, _false_answers(rehearsals), *_estimates(rehearsals)]


def _texts(name: str) -> "pl.DataFrame":
    import polars as pl

    path = files("ropeway.examples") / "tweets" / "data" / f"{name}.parquet"
    frame = pl.read_parquet(str(path), columns=["text", "ratings"])
    mean = pl.col("ratings").list.mean()
    label = pl.when(mean <= -0.5).then(pl.lit("negative")).when(mean >= 0.5).then(pl.lit("positive"))
    return frame.select(
        pl.Series("text", [unescape(text) for text in frame["text"]]),
        label.otherwise(pl.lit("neutral")).alias("label"),
    )


def _unmarked(frame: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    return frame.with_columns(pl.col("text").str.replace_all(MARKS, " "))


def _split(generator: "np.random.Generator", tweets: "pl.DataFrame") -> "tuple[Profile, pl.DataFrame]":
    """The profile of some tweets as a version's reference is made, and the tweets that are left."""
    from ropeway.stats.profile import Vocabulary, profile

    mixed = tweets.select("text")[generator.permutation(tweets.height)]
    train, tune = mixed[:TRAIN], mixed[TRAIN:REFERENCE]
    known = {"text": Vocabulary.of(train["text"])}
    reference = profile(train, {"text": "text"}).merge(profile(tune, {"text": "text"}, known))
    return reference, mixed[REFERENCE:]


def _is_drift(reference: "Profile", window: "pl.DataFrame") -> bool:
    from ropeway.stats.drift.marginal import drift_between

    current = reference.like()
    current.update(window)
    return bool(drift_between(reference, current).drifted)


def _false_alarms(generator: "np.random.Generator", tweets: "pl.DataFrame", rows: int, splits: int) -> Figure:
    alarms = windows = 0
    for _ in range(splits):
        reference, left = _split(generator, tweets)
        for start in range(0, left.height - rows + 1, rows):
            alarms += _is_drift(reference, left[start : start + rows])
            windows += 1
    return Figure(
        what=f"false alarms on windows of {rows} tweets",
        ours=alarms / windows,
        unit="of windows",
        beside={"alpha": ALPHA},
        goal=ALPHA,
        note=f"{alarms} of {windows:,} windows; the one column of texts, with default settings",
    )


def _delays(
    generator: "np.random.Generator",
    tweets: "pl.DataFrame",
    reviews: "pl.DataFrame",
    streams: int,
    *,
    marked: bool,
) -> list[Figure]:
    import numpy as np
    import polars as pl

    abrupt, gradual = [], []
    for _ in range(streams):
        reference, left = _split(generator, tweets)
        other = reviews.select("text")
        mixed = other[generator.permutation(other.height)]
        fresh = (mixed[start : start + WINDOW] for start in range(0, mixed.height, WINDOW))
        abrupt.append(next(k for k, window in enumerate(fresh, 1) if _is_drift(reference, window)))
        for step in range(1, GRADUAL + 1):
            turned = WINDOW * step // GRADUAL
            kept = left[generator.choice(left.height, WINDOW - turned, replace=False)]
            come = other[generator.choice(other.height, turned, replace=False)]
            if _is_drift(reference, pl.concat([kept, come])):
                gradual.append(step)
                break
        else:
            gradual.append(GRADUAL + 1)
    marks = "as they are" if marked else "without the sets' marks"
    late = [float(np.quantile(found, 0.95)) for found in (abrupt, gradual)]
    return [
        Figure(
            what=f"tweets turn to reviews at once, {marks}: delay",
            ours=float(np.median(abrupt)) * WINDOW,
            unit="predictions",
            beside={"19 of 20 within": late[0] * WINDOW, "the least, one window": float(WINDOW)},
            note=f"{streams} streams, windows of {WINDOW}",
        ),
        Figure(
            what=f"over {GRADUAL} windows, {marks}: share of reviews when seen",
            ours=float(np.median(gradual)) / GRADUAL,
            unit="of a window",
            beside={"19 of 20 at or below": late[1] / GRADUAL},
            note=f"{streams} streams; window k of {GRADUAL} has k / {GRADUAL} reviews",
        ),
    ]


class _Rehearsal(NamedTuple):
    """What a model of one split says of the rows of each part, and the truth."""

    said: "dict[str, dict[str, np.ndarray]]"
    truth: "dict[str, list[str]]"


def _model(seed: int) -> _Rehearsal:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    tweets = _texts("tweets")
    tweets = tweets[np.random.default_rng(seed).permutation(tweets.height)]
    parts = {
        "tune": tweets[TRAIN:REFERENCE],
        "tweets": tweets[REFERENCE:],
        "reviews": _texts("reviews"),
    }
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=5, class_weight="balanced", max_iter=1000)
    ).fit(tweets["text"][:TRAIN].to_list(), tweets["label"][:TRAIN].to_list())
    said = {
        name: dict(zip(model.classes_.tolist(), model.predict_proba(part["text"].to_list()).T, strict=True))
        for name, part in parts.items()
    }
    return _Rehearsal(said, {name: part["label"].to_list() for name, part in parts.items()})


def _false_answers(rehearsals: list[_Rehearsal]) -> Figure:
    import polars as pl

    from ropeway.stats.answers import answer_kinds, answers_of
    from ropeway.stats.drift.marginal import drift_between
    from ropeway.stats.profile import profile

    alarms = windows = seen = 0
    for each in rehearsals:
        tune, tweets, reviews = (
            answers_of(pl.DataFrame(each.said[name])) for name in ("tune", "tweets", "reviews")
        )
        kinds = answer_kinds(tune)
        reference = profile(tune, kinds)
        for start in range(0, REHEARSED, WINDOW):
            still, new = (profile(part[start : start + WINDOW], kinds) for part in (tweets, reviews))
            alarms += bool(drift_between(reference, still).drifted)
            seen += bool(drift_between(reference, new).drifted)
            windows += 1
    return Figure(
        what=f"false alarms on answers to windows of {WINDOW} tweets",
        ours=alarms / windows,
        unit="of windows",
        beside={"alpha": ALPHA, "of windows of reviews, alarms": seen / windows},
        goal=ALPHA,
        note=f"{alarms} of {windows} windows of {len(rehearsals)} models: prediction, confidence and each "
        "class's probability, held against those of 600 rows",
    )


def _estimates(rehearsals: list[_Rehearsal]) -> list[Figure]:
    import numpy as np
    import polars as pl

    from ropeway.stats.calibration import fit_calibration
    from ropeway.stats.estimated import estimate
    from ropeway.stats.metrics import evaluate

    figures = []
    for name in ("tweets", "reviews"):
        for metric in ("accuracy", "macro_f1"):
            off, believed, held = [], [], 0
            for each in rehearsals:
                given = each.said[name]
                (measured,) = evaluate([metric], each.truth[name], pl.DataFrame(given)).values()
                fitted = fit_calibration(each.said["tune"], each.truth["tune"])
                found, bare = (
                    estimate(given, metric=metric, calibration=fitted),
                    estimate(given, metric=metric),
                )
                assert found.value is not None
                assert found.low is not None
                assert found.high is not None
                assert bare.value is not None
                off.append(found.value - measured)
                believed.append(bare.value - measured)
                held += found.low <= measured <= found.high
            figures.append(
                Figure(
                    what=f"{metric} of {name} estimated without labels: mean error",
                    ours=float(np.mean(np.abs(off))),
                    unit="points",
                    beside={"uncalibrated": float(np.mean(np.abs(believed)))},
                    note=f"bias {np.mean(off):+.3f}; the 95 % interval held the truth {held} of {len(off)} "
                    "times; calibrated on 600 tweets",
                )
            )
    return figures


CASE = Case(name="false-alarms", title="False alarms, delay, and estimates without labels", measure=measure)
