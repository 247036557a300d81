import json
from pathlib import Path

import polars as pl
import pytest
from models_projects import (
    CANCER_PIPELINE,
    CANCER_TOML,
    DIABETES_TOML,
    WORDS_PIPELINE,
    WORDS_TOML,
    bring,
    cancer,
    diabetes,
    notes,
    written,
)
from models_steps import by_name, proposed, put_live, rewrite

from ropeway.data.recheck import check_version
from ropeway.models.errors import IllegalTransition, NoTarget, NoTestRows
from ropeway.models.evidence import read_evidence
from ropeway.models.operations import (
    approve_model,
    gate_model,
    model_card,
    resolve_version,
)
from ropeway.models.states import State
from ropeway.stats.metrics import MetricNotApplicable
from ropeway.workspace import LocalWorkspace


def test_a_good_model_passes_with_a_sentence_for_each_check(project):
    workspace = cancer(project)
    report = gate_model(workspace, ref=proposed(workspace))
    assert (report.passed, report.state, report.look) == (True, State.VALIDATED, 1)
    assert [check.name for check in report.checks] == [
        "bar",
        "champion",
        "agreement",
        "contract",
        "skew",
        "signature",
    ]
    bar = by_name(report)["bar"]
    assert bar.figure >= bar.limit == 0.85
    assert "sure of at least" in bar.says
    assert by_name(report)["champion"].says == "no version in production yet"
    assert by_name(report)["skew"].figure <= 1e-6


def test_a_model_under_the_bar_stays_a_candidate(project):
    workspace = cancer(project, toml=CANCER_TOML.replace("bar = 0.85", "bar = 0.99"))
    report = gate_model(workspace, ref=proposed(workspace))
    bar = by_name(report)["bar"]
    assert (report.passed, report.state, bar.code) == (False, State.CANDIDATE, "under-the-bar")
    assert bar.says.endswith("misses the bar of 0.99")


def test_the_estimate_may_reach_the_bar_while_its_bound_does_not(project):
    workspace = cancer(project, toml=CANCER_TOML.replace("bar = 0.85", "bar = 0.93"))
    bar = by_name(gate_model(workspace, ref=proposed(workspace)))["bar"]
    assert not bar.passed
    assert float(bar.says.split()[1]) > 0.93 > bar.figure


def test_a_charter_without_a_bar_lets_nothing_through(project):
    workspace = cancer(project, toml=CANCER_TOML.replace("bar = 0.85\n", ""))
    bar = by_name(gate_model(workspace, ref=proposed(workspace)))["bar"]
    assert (bar.passed, bar.code) == (False, "no-bar")


def test_a_regression_is_held_under_its_bar(project):
    workspace = diabetes(project)
    ref = proposed(workspace)
    bar = by_name(gate_model(workspace, ref=ref))["bar"]
    assert bar.passed
    assert bar.figure < bar.limit == 70.0
    assert "sure of at most" in bar.says
    rewrite(workspace, DIABETES_TOML.replace("bar = 70.0", "bar = 50.0"))
    assert by_name(gate_model(workspace, ref=ref))["bar"].code == "under-the-bar"


def test_every_gate_is_a_counted_look_at_the_test_set(project):
    workspace = notes(project)
    first = proposed(workspace)
    looks = [gate_model(workspace, ref=first).look for _ in range(2)]
    second = proposed(workspace, least=100)
    looks.append(gate_model(workspace, ref=second).look)
    assert looks == [1, 2, 3]
    assert resolve_version(workspace, ref=second).look == 3


def test_another_look_takes_an_approval_back_and_says_whose(project):
    workspace = notes(project)
    version = proposed(workspace)
    assert gate_model(workspace, ref=version).was_approved_by is None
    with LocalWorkspace(workspace.root, actor="ben") as ben:
        approve_model(ben, ref=version)
    report = gate_model(workspace, ref=version)
    assert (report.was_approved_by, report.state) == ("ben", "validated")


def test_more_rows_of_a_dataset_do_not_make_its_test_set_a_new_one(project):
    workspace = notes(project)
    gate_model(workspace, ref=proposed(workspace))
    bring(workspace, written(400), "notes")
    assert gate_model(workspace, ref=proposed(workspace)).look == 2


def test_what_is_live_is_not_gated_again(project):
    workspace = notes(project)
    ref = proposed(workspace)
    put_live(workspace, ref)
    with pytest.raises(IllegalTransition, match=f"Cannot gate '{ref}': it is live"):
        gate_model(workspace, ref=ref)


def test_a_worse_model_does_not_replace_the_champion(project):
    workspace = cancer(project, toml=CANCER_TOML.replace("bar = 0.85", "bar = 0.5"))
    put_live(workspace, proposed(workspace))
    report = gate_model(workspace, ref=proposed(workspace, c=0.001))
    champion = by_name(report)["champion"]
    assert (report.passed, champion.passed, champion.code) == (False, False, "not-better")
    assert "more per row than tumour@1" in champion.says
    assert report.champion == "tumour@1"


def test_the_cost_matrix_decides_which_model_is_worse(project):
    # The second model calls nearly everything malignant: dear in alarms, cheap in what is missed.
    anxious = CANCER_PIPELINE.replace(
        "    return probabilities(classifier, features)",
        "    import polars as pl\n\n    told = probabilities(classifier, features)\n"
        "    return told.select(pl.col('benign') / 20, malignant=1 - pl.col('benign') / 20)",
    )
    gains = []
    for alarm in ("1.0", "0.0"):
        toml = CANCER_TOML.replace("bar = 0.85", "bar = 0.3")
        toml = toml.replace("malignant = 1.0", f"malignant = {alarm}")
        workspace = cancer(project, toml=toml)
        put_live(workspace, proposed(workspace))
        rewrite(workspace, toml, **{"pipeline.py": anxious})
        gains.append(by_name(gate_model(workspace, ref=proposed(workspace)))["champion"])
    assert [check.passed for check in gains] == [False, True]
    assert "less per row than tumour@1" in gains[1].says


def test_an_equal_model_passes_and_a_wanted_gain_refuses_it(project):
    workspace = notes(project)
    put_live(workspace, proposed(workspace))
    rewrite(workspace, WORDS_TOML, **{"pipeline.py": WORDS_PIPELINE + "\n# the same, said anew\n"})
    ref = proposed(workspace)
    assert ref == "mood@2"
    champion = by_name(gate_model(workspace, ref=ref))["champion"]
    assert (champion.passed, champion.figure) == (True, 0.0)
    rewrite(workspace, WORDS_TOML + "[gate]\nmin_gain = 0.01\n")
    assert by_name(gate_model(workspace, ref=ref))["champion"].code == "not-better"


def test_a_signature_that_asks_for_more_or_gives_less_is_refused(project):
    workspace = cancer(project, toml=CANCER_TOML.replace("bar = 0.85", "bar = 0.5"))
    put_live(workspace, proposed(workspace))
    wider = CANCER_PIPELINE.replace('"mean_concavity"]', '"mean_concavity", "mean_area"]')
    wider = wider.replace(
        "    return probabilities(classifier, features)",
        '    return probabilities(classifier, features).rename({"benign": "harmless"})',
    )
    rewrite(workspace, workspace.root.joinpath("ropeway.toml").read_text(), **{"pipeline.py": wider})
    signature = by_name(gate_model(workspace, ref=proposed(workspace)))["signature"]
    assert (signature.passed, signature.code) == (False, "signature-changed")
    assert "it needs the new column 'mean_area'" in signature.says
    assert "it drops the answer column 'benign'" in signature.says


def test_a_broken_contract_is_refused(project):
    workspace = notes(project)
    ref = proposed(workspace)
    contract = workspace.root / "contracts" / "notes.toml"
    contract.write_text(contract.read_text().replace('"good"', '"splendid"'))
    check_version(workspace, "notes")
    check = by_name(gate_model(workspace, ref=ref))["contract"]
    assert (check.passed, check.code) == (False, "contract-broken")
    assert "ropeway data check notes@v1" in check.says


def test_test_rows_that_the_champion_has_learnt_from_are_left_out_or_refused(project):
    workspace = notes(project)
    put_live(workspace, proposed(workspace))
    learnt = pl.read_csv(workspace.root / "notes.csv").drop("id")
    fresh = written(200, seed=7)
    seen = learnt.filter(pl.Series(in_parts(workspace, "notes", ("train", "tune"))))
    champions = []
    for name, rows in (("mixed", pl.concat([learnt, fresh])), ("same", seen)):
        toml = WORDS_TOML.replace('"notes"', f'"{name}"').replace("[split]", f'[split]\nsalt = "{name}"')
        rewrite(workspace, toml)
        bring(workspace, rows, name)
        champions.append(by_name(gate_model(workspace, ref=proposed(workspace)))["champion"])
    assert champions[0].code in ("", "not-better")
    assert "that mood@1 has learnt from are left out" in champions[0].says
    assert champions[1].code == "rows-not-held-out"
    assert "would favour the one that has seen them" in champions[1].says


def in_parts(workspace: LocalWorkspace, dataset: str, parts: tuple[str, ...]) -> list[bool]:
    from ropeway.data.assign import split_frame
    from ropeway.data.load import resolve
    from ropeway.data.operations import find_split

    version = resolve(workspace, dataset)
    record = find_split(workspace, dataset=dataset)
    return split_frame(workspace, version, record)["part"].is_in(parts).to_list()


def test_agreement_is_read_from_the_labels_behind_the_data(project):
    from ropeway.labels.measure import measure
    from ropeway.labels.ratings import import_ratings
    from ropeway.labels.snapshot import snapshot

    toml = WORDS_TOML.replace('dataset = "notes"', 'dataset = "judged"') + LABELS
    workspace = project(toml, **{"pipeline.py": WORDS_PIPELINE, "guide.md": "Is the mood good or bad?\n"})
    rated(workspace, misjudged=0.1)
    import_ratings(workspace, "mood")
    snapshot(workspace, "mood")
    ref = proposed(workspace)
    unknown = by_name(gate_model(workspace, ref=ref))["agreement"]
    assert (unknown.passed, unknown.code) == (False, "agreement-unknown")
    measured = measure(workspace, "mood")
    found = by_name(gate_model(workspace, ref=ref))["agreement"]
    assert (found.figure, found.limit, found.passed) == (measured.low, 0.5, measured.low >= 0.5)
    assert found.passed
    assert "Agreement of the raters: Krippendorff's alpha (nominal)" in model_card(workspace, ref=ref)
    rewrite(workspace, toml.replace("min_agreement = 0.5", "min_agreement = 0.95"))
    assert by_name(gate_model(workspace, ref=ref))["agreement"].code == "raters-disagree"


LABELS = """
[labels.mood]
dataset = "notes"
guide = "guide.md"
snapshot = "judged"
rater = "rater"
value = "said"
keep = ["text"]
[gate]
min_agreement = 0.5
agreement = "mood"
"""


def rated(workspace: LocalWorkspace, *, misjudged: float) -> None:
    """300 notes, each judged by three people who err now and then; one judgement a row."""
    import random

    from ropeway.data.add import add

    draw = random.Random(3)
    items = written(300).with_row_index("id")
    rows = [
        {"id": item["id"], "text": item["text"], "rater": f"r{rater}", "said": said}
        for item in items.iter_rows(named=True)
        for rater in range(3)
        for said in [draw.choice(["good", "bad"]) if draw.random() < misjudged else item["mood"]]
    ]
    path = Path(workspace.root) / "notes.csv"
    pl.DataFrame(rows).write_csv(path)
    add(workspace, path, name="notes", key=["id", "rater"])


def test_labels_that_the_project_names_must_be_behind_the_data(project):
    workspace = notes(project, toml=WORDS_TOML + LABELS)
    check = by_name(gate_model(workspace, ref=proposed(workspace)))["agreement"]
    assert (check.passed, check.code) == (False, "labels-missing")


def test_evidence_holds_what_was_seen_and_is_the_same_when_seen_again(project):
    workspace = notes(project)
    ref = proposed(workspace)
    report = gate_model(workspace, ref=ref)
    evidence = read_evidence(workspace.store, report.evidence)
    assert (evidence.ref, evidence.rows, evidence.earlier_looks) == (ref, report.rows, 0)
    assert len(evidence.keys) == len(evidence.truth) == len(evidence.predictions["good"]) == report.rows
    assert sum(map(sum, evidence.confusion)) == report.rows
    assert evidence.figures[0].name == "macro_f1"
    again = read_evidence(workspace.store, gate_model(workspace, ref=ref).evidence)
    assert again.earlier_looks == 1
    assert (again.figures, again.test_part, again.predictions) == (
        evidence.figures,
        evidence.test_part,
        evidence.predictions,
    )


def test_evidence_lies_in_lineage_between_data_and_model(project):
    workspace = notes(project)
    report = gate_model(workspace, ref=proposed(workspace))
    from sqlalchemy import select

    from ropeway.ledger import edge

    with workspace.ledger.reading() as connection:
        drawn = {tuple(row)[:3] for row in connection.execute(select(edge))}
    dataset = resolve_version(workspace, ref="mood").dataset
    assert (f"dataset:{dataset}", "tested-on", f"check:{report.evidence}") in drawn
    assert (f"check:{report.evidence}", "judged", "model:mood@1") in drawn


def test_the_card_is_the_same_text_for_the_same_record(project):
    workspace = cancer(project)
    ref = proposed(workspace)
    gate_model(workspace, ref=ref)
    card = model_card(workspace, ref=ref)
    workspace.ledger.rebuild()
    assert model_card(workspace, ref=ref) == card
    for told in ("which patients are called back", "`c` = 1", "| bar |", "Mean cost per row", "Weakest on"):
        assert told in card


def test_a_model_without_a_target_has_nothing_to_be_held_against(project):
    pipeline = """
import polars as pl
from ropeway import fit, step

@fit
def lengths(rows):
    return {"mean": float(rows["text"].str.len_chars().mean())}

@step(serve=True)
def oddness(lengths, rows):
    return pl.DataFrame({"prediction": rows["text"].str.len_chars() - lengths["mean"]})
"""
    toml = WORDS_TOML.replace('target = "mood"\n', 'exclude = ["mood"]\n')
    workspace = notes(project, toml=toml, pipeline=pipeline)
    ref = proposed(workspace)
    with pytest.raises(NoTarget, match="was trained without a target"):
        gate_model(workspace, ref=ref)


def test_a_refused_model_exits_with_three_and_its_reason(project, capsys):
    from ropeway.cli.main import main

    workspace = notes(project, toml=WORDS_TOML.replace("bar = 0.5", "bar = 0.999"))
    ref = proposed(workspace)
    with pytest.raises(SystemExit) as left:
        main(["gate", ref, "-C", str(workspace.root)])
    out = capsys.readouterr().out
    assert left.value.code == 3
    assert "misses the bar of 0.999" in out
    assert f"{ref} is candidate. This was look 1 at this test set." in out
    with pytest.raises(SystemExit) as left:
        main(["gate", ref, "-C", str(workspace.root), "--json"])
    assert json.loads(capsys.readouterr().out)["checks"][0]["code"] == "under-the-bar"


def test_a_metric_of_another_kind_is_refused_with_those_that_fit(project):
    workspace = diabetes(project)
    ref = proposed(workspace)
    rewrite(workspace, DIABETES_TOML.replace('"rmse"', '"macro_f1"'))
    with pytest.raises(MetricNotApplicable, match="'macro_f1' cannot be computed from the columns"):
        gate_model(workspace, ref=ref)


def test_an_empty_test_part_is_an_error_and_no_look(project):
    shares = "[split]\ntrain = 0.7\ntune = 0.2999\ntest = 0.0001\n"
    workspace = notes(project, toml=WORDS_TOML.replace("[split]\n", shares), rows=60)
    ref = proposed(workspace)
    with pytest.raises(NoTestRows, match=r"The test part of 'notes@v1' has no rows"):
        gate_model(workspace, ref=ref)
    assert resolve_version(workspace, ref=ref).look is None
