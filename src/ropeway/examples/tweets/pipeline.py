"""The pipeline of the tweets project: plain functions. A parameter's name says whose output it gets.

What trains is what serves: `clean` and `sentiment` see the training rows here, and a request there.
"""

from html import unescape

import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from ropeway import fit, probabilities, step


@step
def clean(rows: pl.DataFrame) -> list[str]:
    """The text as its writer saw it: tweets arrive with `&amp;` and its like for the signs of HTML."""
    return [unescape(text) for text in rows["text"]]


@fit
def classifier(clean: list[str], target: pl.Series, *, c: float = 1.0, balanced: bool = False) -> Pipeline:
    """Words and pairs of words, weighed by logistic regression.

    `c` is how far the weights may go; `balanced` gives rare classes the say of frequent ones.
    """
    weights = "balanced" if balanced else None
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=c, class_weight=weights, max_iter=1000)
    )
    return model.fit(clean, target)


@step(serve=True)
def sentiment(classifier: Pipeline, clean: list[str]) -> pl.DataFrame:
    """What is served: how likely the tweet is negative, neutral, positive."""
    return probabilities(classifier, clean)
