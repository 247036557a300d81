"""Prompts: names that the registry has beside models. Their versions are texts, never judged or live."""

from sqlalchemy import Connection, Select, exists, func, or_, select

from ropeway.models.afar.projections import model_entry_tag
from ropeway.models.errors import NotAModel
from ropeway.models.projections import OWN_FORMAT, model_version
from ropeway.models.states import State

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag of a name by which its clients tell them apart."""


def prompt_names() -> Select[tuple[str]]:
    """The names that are prompts'.

    Who may write tags may not hide a model by one: what was packaged or judged here stays a model.
    """
    tag, version = model_entry_tag.c, model_version.c
    is_model = exists().where(
        version.name == tag.name, or_(version.format == OWN_FORMAT, version.state != State.CANDIDATE.value)
    )
    return select(tag.name).where(tag.key == IS_PROMPT, func.lower(tag.value) == "true", ~is_model)


def require_model(read: Connection, name: str) -> None:
    """Raise `NotAModel` where a name is a prompt's."""
    if read.execute(prompt_names().where(model_entry_tag.c.name == name)).first() is not None:
        raise NotAModel(name)
