from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.data.near import is_similar, near_groups, normal_form, shingles, similar_pairs

words = st.sampled_from(["good", "bad", "day", "so", "happy", "the", "cat", "sat"])
texts = st.lists(st.lists(words, max_size=14).map(" ".join), max_size=25)


@st.composite
def edited_copies(draw):
    """Texts that differ by one word: around the threshold, where mistakes would show."""
    drawn = draw(st.lists(st.lists(words, min_size=4, max_size=16), min_size=1, max_size=8))
    copies = []
    for text in drawn:
        for _ in range(draw(st.integers(0, 3))):
            copy = list(text)
            copy[draw(st.integers(0, len(copy) - 1))] = draw(words)
            copies.append(copy)
    return [" ".join(text) for text in drawn + copies]


def brute_force_groups(rows):
    group = list(range(len(rows)))
    for one, other in combinations(range(len(rows)), 2):
        first, second = normal_form(rows[one]), normal_form(rows[other])
        if first and second and (first == second or is_similar(shingles(first), shingles(second))):
            old, new = max(group[one], group[other]), min(group[one], group[other])
            group = [new if name == old else name for name in group]
    return group


@settings(max_examples=300, deadline=None)
@given(st.one_of(texts, edited_copies()))
def test_groups_are_those_that_comparing_every_pair_gives(rows):
    assert near_groups(rows) == brute_force_groups(rows)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from("abcdefghijkl"), max_size=11), max_size=20))
def test_pairs_are_those_that_comparing_every_pair_gives(sets):
    expected = {
        pair
        for pair in combinations(range(len(sets)), 2)
        if sets[pair[0]] and is_similar(*map(sets.__getitem__, pair))
    }
    found = list(similar_pairs(sets))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_a_similarity_of_exactly_four_fifths_counts():
    assert is_similar(frozenset("abcd"), frozenset("abcde"))
    assert not is_similar(frozenset("abcdefg"), frozenset("abcdefghi"))


def test_case_punctuation_and_spacing_do_not_make_a_new_text():
    assert near_groups(["Yay. Another good interview!", "yay   another GOOD interview"]) == [0, 0]


def test_one_changed_word_at_the_end_of_a_long_text_is_near():
    text = "we were seventeen deep last night and the love was so strong everybody felt it even the band"
    assert near_groups([text, text.replace("band", "crowd"), "something else"]) == [0, 0, 2]


def test_missing_and_empty_texts_are_near_nothing():
    assert near_groups([None, None, "", "  ", ""]) == [0, 1, 2, 3, 4]


def test_texts_without_words_are_near_only_when_equal():
    assert near_groups([":-)", ":-(", ":-)"]) == [0, 1, 0]


def test_groups_grow_along_chains():
    chain = [" ".join(f"w{number}" for number in range(start, start + 30)) for start in (0, 3, 6)]
    assert near_groups(chain) == [0, 0, 0]
