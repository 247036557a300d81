from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from ropeway.stats.metrics import METRICS
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.project_file import parse_project
from ropeway.workspace.tables.charter import Metric

PATH = Path("ropeway.toml")
HEAD = '[project]\nname = "tweets"\n'


def test_the_charter_is_read_whole() -> None:
    project = parse_project(
        HEAD
        + '[charter]\nmetric = "macro_f1"\nbar = 0.55\ndeadline = 2027-03-01\n'
        + "[charter.cost.negative]\npositive = 5\n[params]\nc = 1.0\n[params.classifier]\nngrams = 2\n",
        PATH,
    )
    assert project.charter.bar == 0.55
    assert project.charter.deadline == date(2027, 3, 1)
    assert project.charter.cost == {"negative": {"positive": 5.0}}
    assert project.params == {"c": 1.0, "classifier.ngrams": 2}
    assert list(project.environments) == ["production"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[project]\nname = tweets", "line 2: this is not TOML"),
        ("[charter]\nbar = 1", "the project file lacks the setting 'project'"),
        (HEAD + "[charter]\nbarr = 0.5", r"line 4: \[charter\] has no setting 'barr'.*Did you mean 'bar'"),
        (HEAD + "[chartre]\nbar = 0.5", "has no setting 'chartre'.*Did you mean 'charter'"),
        (HEAD + '[charter]\nbar = "high"', r"line 4: 'charter.bar' is text in quotes.*\nexpected a number"),
        (HEAD + '[charter]\nmetric = "macrof1"', "line 4: .* cannot be 'macrof1'.* Did you mean 'macro_f1'"),
        (HEAD + 'approval = "four"', "line 3: .*\nexpected one of two-person, self"),
        (
            HEAD
            + '[gate]\nagreement = "mod"\n[labels.mood]\ndataset="a"\nguide="g"\nsnapshot="b"\nratings="r"',
            "line 4: `agreement` names no .labels.mod.. Did you mean 'mood'",
        ),
        (
            HEAD + '[labels.s]\ndataset="a"\nguide="g"\nsnapshot="b"\nratings="r"\nscale="nominl"',
            "line 8: 'labels.….scale' cannot be 'nominl'.* Did you mean 'nominal'",
        ),
        (
            HEAD + '[policy]\napproval = "nobody"',
            "line 4: 'policy.approval' cannot be 'nobody'.*\nexpected one of two-person, self, by-rule",
        ),
        (
            HEAD + '[policy]\ntriggers = ["degradaton"]',
            r"line 4: \[policy\] .* cannot have 'degradaton'.*Did you .*\nexpected one of drift, degradation",
        ),
        (HEAD + "[split]\ntrain = 0.6\ntrain = 0.6", "line 5: .*second time"),
        (HEAD + "[charter]\nconfidence = 95", "line 4: charter: `confidence` must be at least 0.5"),
        (HEAD + "[split]\ntrain = 0.9", "must add up to 1"),
        ('[project]\nname = "a b"', "`name` must be"),
        (HEAD + "[project.approval]\nx = 1", "'project.approval' is a table"),
        (
            HEAD + '[labels.s]\ndataset="a"\nguide="g"\nsnapshot="b"\nratings="r"\naggregate="mean"\n'
            'scale="interval"',
            "needs `cutoffs`",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ProjectInvalid, match=says):
        parse_project(text, PATH)


RULE = '[alerts.a]\nwhen = "{}"\n{}'
TARGET = '[inputs.rows]\ndataset = "orders"\ntarget = "late"\n'
COSTS = "[charter.cost.a]\nb = 4.0\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[charter]\nbar = nan", "`bar` is nan"),
        ("[charter.cost.a]\nb = inf", "`cost` of 'a' of 'b' is inf"),
        ("[gate]\nmin_gain = -inf", "`min_gain` is -inf"),
        ("[rollout]\nmin_gain = nan", "`min_gain` is nan"),
        ("[rollout]\nerror_cap = inf", "`error_cap` is inf"),
        ("[rollout]\nsteps = [nan]", "`steps` is nan"),
        ("[rollout.guards]\nlatency_ratio = inf", "`latency_ratio` is inf"),
        ("[rollout.guards]\nerror_rate = nan", "`error_rate` is nan"),
        ("[monitor]\nmin_effect = nan", "`min_effect` is nan"),
        ("[params.classifier]\nc = inf", "`params` of 'classifier.c' is inf"),
        ("[rollout]\nmin_entities = 10000000000000000000", "`min_entities` is too large"),
        ('[rollout]\ndeadline = "999999d"', "`deadline` must be at most 36,525 days"),
        ('[rollout]\nsettle = "20d"', "`settle` is 20d, not shorter than `deadline`, 14d"),
        ("[rollout]\nmin_gain = 1.0", r"`min_gain` of \[rollout\] is 1, .* dearest mistake costs 1"),
        (COSTS + "[gate]\nmin_gain = 4.5", r"`min_gain` of \[gate\] is 4.5, .* costs 4"),
        ('[policy]\nquiet = ["22:00-22:00"]', "'22:00-22:00', which ends as it begins"),
        ('[serving]\nentity = ""', "`entity` names no column"),
        ('[serving]\ncarry = [""]', "`carry` holds an empty name"),
        ('[serving]\ncarry = ["id", "id"]', "`carry` names 'id' twice"),
        (
            TARGET + '[serving]\nentity = "late"',
            r"`entity` of \[serving\] is 'late', which is to be predicted",
        ),
        (TARGET + '[serving]\ncarry = ["late"]', r"`carry` of \[serving\] has 'late', which is to be"),
        (RULE.format("drift", "above = nan"), "`above` is nan"),
        (RULE.format("silence", "above = -1.0"), "`above` is -1"),
        (RULE.format("silence", "below = 1.0"), "`below` means nothing of silence"),
        (RULE.format("drift", "below = 0.2"), '`below` would tell that all is well with "drift"'),
        (RULE.format("errors", "above = 1.5"), "`above` is 1.5: .* from 0 to 1"),
        (RULE.format("coverage", "below = 0.0"), "`below` is 0"),
        ('[sinks.f]\nkind = "file"\npath = "./.ropeway/ledger.db"', "which Ropeway reads itself"),
        ('[sinks.f]\nkind = "file"\npath = "ropeway.toml"', "which Ropeway reads itself"),
        ('[sinks.f]\nkind = "file"\npath = "logs/../pipeline.py"', "which Ropeway reads itself"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_setting(text: str, says: str) -> None:
    with pytest.raises(ProjectInvalid, match=says):
        parse_project(HEAD + text, PATH)


@pytest.mark.parametrize(
    "text",
    [
        COSTS + "[rollout]\nmin_gain = 3.5",
        '[charter]\nmetric = "mae"\n[rollout]\nmin_gain = 50.0',
        RULE.format("degradation", "below = -0.2"),
        '[rollout]\nsettle = "13d"',
        '[sinks.f]\nkind = "file"\npath = "logs/alerts.jsonl"',
    ],
)
def test_what_can_be_meant_is_taken(text: str) -> None:
    parse_project(HEAD + text, PATH)


def test_the_charters_metrics_are_those_that_are_computed() -> None:
    assert sorted(METRICS) == sorted(get_args(Metric))
