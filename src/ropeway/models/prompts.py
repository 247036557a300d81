"""Prompts: names that the registry has beside models. Their versions are texts, never judged or live."""

from sqlalchemy import Connection, Select, func, select

from ropeway.models.afar.projections import model_entry_tag
from ropeway.models.errors import NotAModel

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag of a name by which its clients tell them apart."""


def prompt_names() -> Select[tuple[str]]:
    """The names that are prompts'."""
    tag = model_entry_tag.c
    return select(tag.name).where(tag.key == IS_PROMPT, func.lower(tag.value) == "true")


def require_model(read: Connection, name: str) -> None:
    """Raise `NotAModel` where a name is a prompt's."""
    if read.execute(prompt_names().where(model_entry_tag.c.name == name)).first() is not None:
        raise NotAModel(name)
