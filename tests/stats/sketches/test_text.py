from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.sketches.errors import SketchesDiffer, VocabularyMissing
from ropeway.stats.sketches.text import TextSketch
from ropeway.stats.sketches.vocabulary import LONGEST_TOKEN, Vocabulary, tokens

TEXTS = st.lists(
    st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=30)), max_size=20
)


def sketch_of(texts: list[str | None], vocabulary: Vocabulary | None = None) -> TextSketch:
    sketch = TextSketch(vocabulary)
    sketch.update(pl.Series(texts, dtype=pl.String))
    return sketch


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_merging_two_sketches_is_sketching_both(first, second):
    known = Vocabulary.of(pl.Series(first, dtype=pl.String))
    merged, whole = (
        sketch_of(first, known).merge(sketch_of(second, known)),
        sketch_of([*first, *second], known),
    )
    assert merged.words() == whole.words()
    for name in ("count", "nulls", "checked", "unknown", "distinct", "word_total"):
        assert getattr(merged, name) == getattr(whole, name)
    assert merged.tokens.cdf([0, 1, 5]).tolist() == pytest.approx(
        whole.tokens.cdf([0, 1, 5]).tolist(), nan_ok=True
    )


@settings(deadline=None)
@given(TEXTS)
def test_words_are_counted_once_a_text_and_unknown_ones_each_time(texts):
    held = [tokens(text) for text in texts if text is not None]
    sketch = sketch_of(texts, Vocabulary.of(pl.Series(["a b c 1 0"])))
    assert sketch.words() == dict(Counter(word for words in held for word in set(words)))
    assert sketch.checked == sum(len(words) for words in held)
    assert sketch.unknown == sum(word not in set("abc10") for words in held for word in words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n\t", []),
        ("Ünï-CODE ΣΊΣΥΦΟΣ", ["ünï", "code", "σίσυφος"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("don't 'quote' it’s", ["don't", "quote", "it’s"]),  # noqa: RUF001
        ("cafe\u0301", ["café"]),
        ("🙂 :-) 3.5", ["3", "5"]),
    ],
)
def test_tokens_are_lower_cased_words_of_any_script(text, expected):
    assert tokens(text) == expected


def test_a_text_without_a_space_is_cut():
    assert tokens("x" * 1_000_000) == ["x" * LONGEST_TOKEN]


def test_without_a_vocabulary_nothing_is_unknown():
    sketch = sketch_of(["new words"])
    assert (sketch.oov_rate, sketch.checked) == (None, 0)


def test_rows_that_were_held_against_no_vocabulary_do_not_dilute_the_rate():
    known = Vocabulary.of(pl.Series(["good day"]))
    merged = sketch_of(["good day"] * 50).merge(sketch_of(["good review"], known))
    assert (merged.oov_rate, merged.count, merged.vocabulary_id) == (0.5, 51, known.identity)


def test_rates_against_two_vocabularies_are_not_merged():
    first, second = (Vocabulary.of(pl.Series([text])) for text in ("a", "b"))
    with pytest.raises(SketchesDiffer, match="cannot be merged"):
        sketch_of(["a"], first).merge(sketch_of(["a"], second))


def test_numbers_are_not_texts():
    sketch = TextSketch()
    sketch.update(pl.Series([1, None]))
    assert (sketch.mistyped, sketch.nulls, sketch.count) == (1, 1, 0)


def test_what_is_read_back_goes_on_only_with_its_vocabulary():
    known = Vocabulary.of(pl.Series(["a good day"]))
    state = sketch_of(["a good review", None], known).to_state()
    again = TextSketch.from_state(state, known)
    again.update(pl.Series(["a day"]))
    assert (again.count, again.nulls, again.oov_rate, again.words()["a"]) == (2, 1, 0.2, 2)
    with pytest.raises(VocabularyMissing, match="not at hand"):
        TextSketch.from_state(state, None).update(pl.Series(["a day"]))


def test_a_vocabulary_is_the_same_in_bytes_and_by_name_whatever_the_order():
    first, second = Vocabulary.of(pl.Series(["a b", "c"])), Vocabulary.of(pl.Series(["c b a", None]))
    assert first.to_bytes() == second.to_bytes()
    assert first.identity == Vocabulary.from_bytes(second.to_bytes()).identity
    assert "b" in first
    assert "d" not in first


def test_few_of_many_new_words_are_taken_for_known():
    known = Vocabulary.of(pl.Series([f"word{number}" for number in range(50_000)]))
    assert known.knows(pl.Series([f"neu{number}" for number in range(50_000)])).sum() <= 5
