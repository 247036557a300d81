"""The docs say everything that there is to say, and nothing that is not so."""

import importlib.util
import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from ropeway.cli.catalogue import CATALOGUE
from ropeway.keeping.settings import Retention
from ropeway.workspace.project import Project
from ropeway.workspace.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("cli.md", "errors.md", "events.md")


@pytest.fixture(scope="module")
def generate():
    """`docs/generate.py`, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_gives_now(name, generate):
    assert (DOCS / name).read_text(encoding="utf-8") == generate.PAGES[name](), "run: make docs"


def test_every_command_stands_in_the_reference():
    page = (DOCS / "cli.md").read_text()
    for entry in CATALOGUE:
        assert f"### ropeway {entry.name}\n" in page


def test_every_error_code_says_what_it_means(generate):
    page = (DOCS / "errors.md").read_text()
    for cls in generate.error_classes():
        assert f"| `{cls.code}` | " in page
        assert f"| `{cls.code}` |  |" not in page


def test_every_error_code_is_kebab_case_and_belongs_to_one_class(generate):
    classes = generate.all_error_classes()
    codes = [cls.code for cls in classes]
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in codes)
    assert sorted(codes) == sorted(set(codes))


def test_every_event_stands_in_the_events_page():
    from ropeway.ledger.event import TYPES_BY_VERB
    from ropeway.workspace.rooms import load_projections

    load_projections()
    page = (DOCS / "events.md").read_text()
    for verb, version in TYPES_BY_VERB:
        if TYPES_BY_VERB[verb, version].cls.__module__.startswith("ropeway."):
            assert f"## {verb}\n" in page or f"## {verb} (version {version})\n" in page


def test_every_setting_is_explained_in_its_section():
    sections = settings_sections()
    for table, kind in tables(Project, ""):
        documented = sections[re.sub(r"^\[|\]$", "", table)]
        for field in msgspec.structs.fields(kind):
            if not is_table(field.type):
                assert f"| `{field.name}`" in documented, f"[{table}] {field.name}"


def test_no_setting_is_documented_that_does_not_exist():
    known = {field.name for _, kind in tables(Project, "") for field in msgspec.structs.fields(kind)}
    for section in settings_sections().values():
        for name in re.findall(r"^\| `(\w+)`", section, re.MULTILINE):
            assert name in known, name


def test_every_variable_that_is_documented_is_read_somewhere():
    page = (DOCS / "settings.md").read_text().partition("## Variables of the environment")[2]
    names = re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert names
    assert [name for name in names if f'"{name}"' not in code] == []


def test_every_dependency_says_what_it_saves():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (DOCS / "dependencies.md").read_text()
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)[0]
        assert re.search(rf"\| {re.escape(name)} \| .+ \|", page), name


def test_every_state_of_a_model_version_is_in_the_vocabulary():
    from ropeway.models.states import State

    page = (DOCS / "vocabulary.md").read_text()
    for state in State:
        assert f"`{state.value}`" in page


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *DOCS.rglob("*.md")]), ids=lambda path: path.name
)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target


def test_every_room_of_the_architecture_page_is_there():
    page = (DOCS / "architecture.md").read_text()
    house = page.split("src/ropeway/\n")[1].split("```")[0]
    named = set(re.findall(r"\b([a-z]+)/", house))
    present = {path.name for path in (ROOT / "src" / "ropeway").iterdir() if path.is_dir()} - {"__pycache__"}
    assert named == present


def settings_sections() -> dict[str, str]:
    page = (DOCS / "settings.md").read_text().partition("## Variables of the environment")[0]
    parts = re.split(r"^## \[([^\]]+)\]$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(kind: type[Settings], path: str) -> list[tuple[str, type[Settings]]]:
    """Every table of the project file with its struct; cut-offs are documented with their label set."""
    found = [("retention", Retention)] if kind is Project else [(path, kind)]
    for field in msgspec.structs.fields(kind):
        for inner in settings_in(field.type):
            is_many = getattr(field.type, "__origin__", None) is dict
            own = f"{field.name}.NAME" if is_many else field.name
            name = own if kind is Project else f"{path}.{own}"
            found += tables(inner, path if inner.__name__ == "Cutoff" else name)
    return found


def settings_in(kind: Any) -> list[type[Settings]]:
    if isinstance(kind, type) and issubclass(kind, Settings):
        return [kind]
    return [inner for argument in get_args(kind) for inner in settings_in(argument)]


def is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)
