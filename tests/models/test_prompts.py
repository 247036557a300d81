"""Prompts are in the registry and are no models: not listed among them, not judged, not promoted."""

import pytest

from ropeway.models.adopting.operations import look_at_foreign
from ropeway.models.afar.operations import change_entry, create_entry, register_foreign
from ropeway.models.errors import NotAModel
from ropeway.models.operations import list_models, promote_model, reject_model
from ropeway.models.prompts import IS_PROMPT
from ropeway.story.status import status
from ropeway.workspace import LocalWorkspace


@pytest.fixture
def mixed(workspace: LocalWorkspace) -> LocalWorkspace:
    for name, tags in (("greet", {IS_PROMPT: "true"}), ("churn", {IS_PROMPT: "false"}), ("plain", {})):
        create_entry(workspace, shown=name, tags=tags)
        register_foreign(workspace, shown=name, origin="text")
    return workspace


def test_models_are_listed_without_prompts_and_prompts_when_asked_for(mixed: LocalWorkspace) -> None:
    assert {each.name for each in list_models(mixed)} == {"churn", "plain"}
    assert [each.name for each in list_models(mixed, prompts=True)] == ["greet"]
    assert list_models(mixed, name="greet") == []


def test_a_prompt_is_not_judged_and_not_promoted(mixed: LocalWorkspace) -> None:
    for act in (look_at_foreign, promote_model):
        with pytest.raises(NotAModel, match="'greet' is a prompt"):
            act(mixed, ref="greet@1")
    assert status(mixed)


def test_a_tag_hides_no_model_that_was_judged(mixed: LocalWorkspace) -> None:
    reject_model(mixed, ref="churn@1", reason="it leaks")
    change_entry(mixed, shown="churn", tags={IS_PROMPT: "true"})
    assert {each.name for each in list_models(mixed)} == {"churn", "plain"}
    assert [each.name for each in list_models(mixed, prompts=True)] == ["greet"]
    # What was never judged nor packaged here is what its client says that it is.
    change_entry(mixed, shown="plain", tags={IS_PROMPT: "true"})
    assert {each.name for each in list_models(mixed)} == {"churn"}
