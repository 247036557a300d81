"""Tests that may be looked at any time: is the candidate cheaper than the live version?

From predictions to a verdict: `entities.settle` makes one difference of each entity, `blocks.pair` holds
unequal arms against each other, `betting.Betting` weighs the differences, `confidence.ConfidenceSequence`
bounds them, `verdict.decide` says what follows, and `budget.spend` how sure a release has to be.
"""
