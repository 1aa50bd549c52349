"""How the code is laid out: what each folder says of its files, where tests are, and how large things may be."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "tenfold"
FOLDERS = sorted(path.parent for path in SRC.rglob("__init__.py"))
MODULES = sorted(path for path in SRC.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
VERBS = "tests of verbs are named for what they try, and stand in tests/cli"
MOST = 12  # files in a folder, without its __init__


def name(path: Path) -> str:
    return str(path.relative_to(SRC))


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder not in (SRC, SRC / "cli")], ids=name)
def test_a_folder_says_what_each_of_its_files_is(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    inside = {path.stem for path in folder.glob("*.py") if path.name != "__init__.py"}
    inside |= {path.parent.name for path in folder.glob("*/__init__.py")}
    # Names stand at the start of a line or of a second column, before two spaces or more.
    named = set(re.findall(r"(?:^|\s{2,})([a-z_]+)(?:\.\w+|/)?\s{2,}", text, flags=re.MULTILINE))
    assert inside <= named, f"not named: {', '.join(sorted(inside - named))}"


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder != SRC / "cli"], ids=name)
def test_a_folder_holds_few_files(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST


@pytest.mark.parametrize("module", [path for path in MODULES if path.parent != SRC / "cli"], ids=name)
def test_a_module_has_its_tests_where_one_would_look(module: Path) -> None:
    place = ROOT / "tests" / module.parent.relative_to(SRC) / f"test_{module.stem}.py"
    assert place.is_file(), f"{place.relative_to(ROOT)} is missing"
