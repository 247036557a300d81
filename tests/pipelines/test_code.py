"""Project code in namespaces of its own."""

# ruff: noqa: E501  small programs as text

import sys
import traceback

import pytest

from ropeway.pipelines.code import Code, PackedFiles
from ropeway.pipelines.errors import PipelineBroken, PipelineMissing


def value(code: Code, name: str):
    return getattr(code.modules["pipeline"].module, name)


def test_two_versions_of_one_file_live_in_one_process(load_code):
    one = load_code({"pipeline.py": "import helpers\ndef f(): return helpers.X", "helpers.py": "X = 1"})
    two = load_code({"pipeline.py": "import helpers\ndef f(): return helpers.X", "helpers.py": "X = 2"})
    assert (value(one, "f")(), value(two, "f")()) == (1, 2)
    assert "helpers" not in sys.modules


def test_packages_and_relative_imports_are_found(load_code):
    code = load_code(
        {
            "pipeline.py": "import features.text\nfrom features import shape as s\nX = features.text.F() + s.Y",
            "features/__init__.py": "",
            "features/text.py": "from .shape import Y\ndef F(): return Y * 10",
            "features/shape.py": "Y = 2",
        }
    )
    assert value(code, "X") == 22
    assert sorted(code.modules) == ["features", "features.shape", "features.text", "pipeline"]


def test_an_import_inside_a_function_gets_the_same_loads_module(load_code):
    code = load_code(
        {"pipeline.py": "def f():\n    from helpers import X\n    return X", "helpers.py": "X = 3"}
    )
    assert value(code, "f")() == 3


def test_dataclasses_with_postponed_annotations_work(load_code):
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    assert value(load_code({"pipeline.py": source}), "A")(1).x == 1


def test_packaged_bytes_run_with_their_data_files():
    source = (
        b"from pathlib import Path\n"
        b"A = (Path(__file__).parent / 'words.txt').read_text()\nwith open('words.txt') as file:\n    B = file.read()\n"
    )
    code = Code(PackedFiles({"pipeline.py": source, "words.txt": b"hello"}), "pipeline.py")
    folder = code.files.folder
    assert (value(code, "A"), value(code, "B")) == ("hello", "hello")
    code.close()
    assert not folder.exists()


def test_tracebacks_of_packaged_code_show_its_lines():
    code = Code(PackedFiles({"pipeline.py": b"def f():\n    return 1 / 0\n"}), "pipeline.py")
    with pytest.raises(ZeroDivisionError) as caught:
        value(code, "f")()
    assert "return 1 / 0" in "".join(traceback.format_exception(caught.value))
    assert code.frames(caught.value) == "  pipeline.py:2 in f\n    return 1 / 0"
    code.close()


def test_closing_forgets_the_modules(load_code):
    code = load_code({"pipeline.py": "X = 1"})
    assert f"{code.prefix}.pipeline" in sys.modules
    code.close()
    assert not [name for name in sys.modules if name.startswith(code.prefix)]


def test_a_missing_file_names_the_closest(load_code):
    with pytest.raises(PipelineMissing, match=r"Did you mean 'pipelines.py'"):
        load_code({"pipelines.py": ""})


def test_an_error_on_import_shows_the_users_frames_alone(load_code):
    with pytest.raises(PipelineBroken, match="ValueError: bad") as caught:
        load_code(
            {"pipeline.py": "import helpers\n", "helpers.py": "def f():\n    raise ValueError('bad')\nf()\n"}
        )
    assert "helpers.py:2 in f" in caught.value.what
    assert "ropeway/pipelines" not in caught.value.what


def test_a_syntax_error_shows_its_line(load_code):
    with pytest.raises(PipelineBroken, match=r"SyntaxError[\s\S]*pipeline.py:2\s+def f\("):
        load_code({"pipeline.py": "x = 1\ndef f(:\n"})


def test_a_missing_package_is_named(load_code):
    with pytest.raises(PipelineBroken, match="No module named 'skleran'"):
        load_code({"pipeline.py": "import skleran\n"})


def test_exiting_on_import_does_not_end_the_process(load_code):
    with pytest.raises(PipelineBroken, match="SystemExit"):
        load_code({"pipeline.py": "raise SystemExit(3)\n"})
