import polars as pl
import pytest
from models_projects import WORDS_PIPELINE, WORDS_TOML, bring, cancer, diabetes, halves, notes, written

from ropeway.core.hashing import digest_json
from ropeway.data.assign import split_frame
from ropeway.data.load import load, resolve
from ropeway.models.errors import PackageDiffers
from ropeway.models.events import ReferenceProfiled
from ropeway.models.operations import register_package, trust_run
from ropeway.models.reference import Reference, build_reference, get_reference
from ropeway.models.reference_operations import find_reference, learnt_split, record_reference
from ropeway.models.register import build_package, register
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.operations import show
from ropeway.pipelines.run import run_pipeline
from ropeway.stats.profile import ProfileUnreadable, Vocabulary
from ropeway.store.errors import ObjectMissing
from ropeway.workspace import LocalWorkspace


def registered(workspace: LocalWorkspace) -> ModelVersion:
    run_pipeline(workspace)
    return register(workspace)


def facts_of(workspace: LocalWorkspace) -> list[ReferenceProfiled]:
    with workspace.ledger.reading() as connection:
        facts = [fact.event for fact in workspace.ledger.facts(connection)]
    return [event for event in facts if isinstance(event, ReferenceProfiled)]


def rows_by_part(workspace: LocalWorkspace, version: ModelVersion) -> dict[str, pl.DataFrame]:
    dataset = resolve(workspace, version.dataset)
    frame = load(workspace, dataset)
    parts = split_frame(workspace, dataset, learnt_split(workspace, ref=version.ref), frame)["part"]
    return {part: frame.filter(parts == part) for part in ("train", "tune", "test")}


def test_registering_profiles_the_rows_that_were_learnt_from(project):
    workspace = cancer(project)
    version = registered(workspace)
    reference, parts = get_reference(workspace, version.ref), rows_by_part(workspace, version)
    learnt = pl.concat([parts["train"], parts["tune"]])
    assert reference.inputs.rows == learnt.height
    radius = reference.inputs.columns["mean_radius"]
    assert (radius.kind, radius.count) == ("number", learnt.height)
    assert radius.mean == pytest.approx(learnt["mean_radius"].mean(), rel=1e-12)
    assert set(reference.inputs.columns) == {
        "mean_radius",
        "mean_texture",
        "mean_smoothness",
        "mean_concavity",
    }


def test_answers_are_profiled_on_the_rows_it_was_tuned_on(project):
    workspace = cancer(project)
    version = registered(workspace)
    answers, tune = get_reference(workspace, version.ref).answers, rows_by_part(workspace, version)["tune"]
    assert answers.rows == tune.height > 0
    assert answers.kinds["prediction"] == "category"
    assert set(answers.columns["prediction"].counts()) == {"benign", "malignant"}
    assert 0.5 <= answers.columns["confidence"].min <= answers.columns["confidence"].max <= 1
    both = [answers.columns[f"probability of {name}"].mean for name in ("benign", "malignant")]
    assert sum(both) == pytest.approx(1)


def test_no_test_row_is_looked_at(project):
    workspace = project(WORDS_TOML, **{"pipeline.py": WORDS_PIPELINE})
    # Each note holds a word that no other has.
    marked = (
        written(300).with_row_index("row").select(pl.format("{} only{}", "text", "row").alias("text"), "mood")
    )
    version = registered(bring(workspace, marked, "notes"))
    words = get_reference(workspace, version.ref).inputs.columns["text"].words()
    parts = rows_by_part(workspace, version)
    own = {name: {f"only{row}" for row in part["id"]} for name, part in parts.items()}
    assert own["test"]
    assert {word for word in words if word.startswith("only")} == own["train"] | own["tune"]


def test_the_record_names_the_rows_by_the_digest_of_their_keys(project):
    workspace = cancer(project)
    version = registered(workspace)
    parts, event = rows_by_part(workspace, version), facts_of(workspace)[0]
    keys = {name: [str(key) for key in part["id"]] for name, part in parts.items()}
    dataset = version.dataset.partition("@")[0]
    assert event.learnt_part == digest_json(
        {"dataset": dataset, "keys": sorted(keys["train"] + keys["tune"])}
    )
    assert event.judged_part == digest_json({"dataset": dataset, "keys": sorted(keys["tune"])})
    assert (event.rows, event.judged_rows) == (
        parts["train"].height + parts["tune"].height,
        parts["tune"].height,
    )
    assert list(event.objects()) == [event.profile]


def test_unknown_tokens_are_those_of_tune_that_train_does_not_hold(project):
    workspace = notes(project)
    version = registered(workspace)
    text, parts = (
        get_reference(workspace, version.ref).inputs.columns["text"],
        rows_by_part(workspace, version),
    )
    known = {word for line in parts["train"]["text"] for word in line.split()}
    asked = [word for line in parts["tune"]["text"] for word in line.split()]
    assert (text.kind, text.checked) == ("text", len(asked))
    assert text.unknown == sum(word not in known for word in asked)
    assert text.vocabulary.identity == Vocabulary.of(parts["train"]["text"]).identity


def test_a_model_of_numbers_has_a_distribution_of_predictions_and_no_confidence(project):
    workspace = diabetes(project)
    answers = get_reference(workspace, registered(workspace).ref).answers
    assert answers.kinds == {"prediction": "number"}
    assert 100 < answers.columns["prediction"].mean < 200


def test_registering_again_profiles_nothing_again(project):
    workspace = halves(project)
    version = registered(workspace)
    assert register(workspace).known
    assert build_reference(workspace, version.ref).inputs.rows == facts_of(workspace)[0].rows
    assert len(facts_of(workspace)) == 1


def test_a_version_that_has_none_gets_it_on_demand_and_the_first_one_stays(project):
    workspace = halves(project)
    record = show(workspace, run=run_pipeline(workspace).run)
    version = register_package(workspace, name="halves", package=build_package(workspace, record))
    trust_run(workspace, run=record.run)
    assert get_reference(workspace, version.ref) is None
    made = build_reference(workspace, version.ref)
    recorded = find_reference(workspace, ref=version.ref)
    later = record_reference(
        workspace,
        ref=version.ref,
        profile=workspace.store.put(b"another"),
        rows=1,
        judged_rows=1,
        learnt_part=recorded.profile,
        judged_part=recorded.profile,
    )
    assert later == recorded
    assert get_reference(workspace, version.ref).inputs.rows == made.inputs.rows


def test_a_profile_that_is_not_in_the_store_is_not_recorded(project):
    workspace = halves(project)
    version = registered(workspace)
    nowhere = "0" * 64
    with pytest.raises(ObjectMissing, match="0000"):
        record_reference(
            workspace,
            ref=version.ref,
            profile=nowhere,
            rows=1,
            judged_rows=1,
            learnt_part=nowhere,
            judged_part=nowhere,
        )


def test_a_version_whose_run_is_elsewhere_has_no_rows_to_profile(project):
    home = notes(project)
    package = registered(home).package
    abroad = project('[project]\nname = "abroad"\n')
    for digest in home.store.digests():
        abroad.store.put(home.store.read(digest))
    version = register_package(abroad, name="mood", package=package)
    with pytest.raises(PackageDiffers, match="this workspace has no such run"):
        build_reference(abroad, version.ref)


def test_a_window_is_profiled_as_the_reference_was(project):
    workspace = notes(project)
    version = registered(workspace)
    inputs = get_reference(workspace, version.ref).inputs
    window = inputs.like()
    window.update(pl.DataFrame({"text": ["a wholly new review", None]}))
    assert (window.kinds, window.rows, window.columns["text"].nulls) == (inputs.kinds, 2, 1)
    assert window.columns["text"].oov_rate == 1.0


@pytest.mark.parametrize("data", [b"", b"junk", b"ropeway-reference/1\njunk"])
def test_bytes_that_are_no_reference_are_told(data):
    with pytest.raises(ProfileUnreadable, match="These bytes are not a profile"):
        Reference.from_bytes(data)
