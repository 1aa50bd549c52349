"""main.ipynb: as it is stored, and executed from top to bottom with the answers to its exercises."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import tenfold

FILE = Path(__file__).parents[1] / "main.ipynb"
BOOK: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CODE = [cell for cell in BOOK["cells"] if cell["cell_type"] == "code"]
PROSE = ["".join(cell["source"]) for cell in BOOK["cells"] if cell["cell_type"] == "markdown"]
EXERCISES = [text for text in PROSE if text.startswith("### Exercise ")]
ANSWER = re.compile(r"<details>\n<summary>Answer</summary>\n\n```python\n(.*?)\n```\n\n.+?</details>", re.S)
ANSWERS = [answer for text in EXERCISES for answer in ANSWER.findall(text)]
TEST_SET = re.compile(r"evaluate\(|predict\(|train=False|test=True")  # what reads it

# What has gone well if the notebook has: it learnt, and it read the page as it was drawn.
CHECKS = """
assert found.accuracy > 0.98 and found.n == 10_000
assert statistics.mean(rows[-1]["val_accuracy"] for rows in tricks["all four"]) > 0.9
assert reading.lines == tuple(TEXT), reading.lines
"""


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def shown(cell: dict[str, Any]) -> str:
    """All text that a cell has put out."""
    texts = [output.get("text", "") for output in cell["outputs"]]
    texts += [output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    return "\n".join("".join(text) for text in texts)


def shows(code: str) -> bool:
    """Whether a cell itself, and no function that it defines alone, prints or draws."""
    top = [node for node in ast.parse(code).body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    called = [node.func for part in top for node in ast.walk(part) if isinstance(node, ast.Call)]
    names = {getattr(function, "id", getattr(function, "attr", "")) for function in called}
    return bool(names & {"print", "show", "Picture", "compare", "terminal"})


def test_it_was_executed_in_order_without_an_error() -> None:
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    kinds = [output["output_type"] for cell in CODE for output in cell["outputs"]]
    streams = {output["name"] for cell in CODE for output in cell["outputs"] if output["output_type"] == "stream"}
    assert "error" not in kinds
    assert streams == {"stdout"}


def test_every_cell_that_shows_something_has_its_output() -> None:
    missing = [source(cell)[:60] for cell in CODE if shows(source(cell)) and not cell["outputs"]]
    assert missing == []
    pictures = [output for cell in CODE for output in cell["outputs"] if "image/png" in output.get("data", {})]
    assert len(pictures) >= 15


def test_it_is_small_and_says_nothing_of_the_machine_it_ran_on() -> None:
    assert FILE.stat().st_size < 2e6
    place = re.compile(r"(?<![\w.])/(tmp|home|root|work|var|usr|opt|mnt|Users|private)/|\b[A-Z]:\\")
    for cell in CODE:
        assert not place.search(source(cell) + shown(cell))
        assert "Warning" not in shown(cell)
    assert set(BOOK["metadata"]) == {"kernelspec", "language_info"}


def test_the_contents_are_the_headings() -> None:
    headings = re.findall(r"^## (.+)$", "\n".join(PROSE), re.M)
    linked = re.findall(r"^\d+\. \[(.+)\]\(#(.+)\)$", PROSE[0], re.M)
    assert headings == [f"{number}. {name}" for number, (name, _) in enumerate(linked, 1)]
    assert headings == [anchor.replace("-", " ") for _, anchor in linked]


def test_every_exercise_has_an_answer() -> None:
    assert [text.split(":")[0] for text in EXERCISES] == [f"### Exercise {k}" for k in range(1, len(EXERCISES) + 1)]
    assert len(EXERCISES) == len(ANSWERS) >= 8


def test_only_public_names_are_used() -> None:
    for code in [*map(source, CODE), *ANSWERS]:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tenfold":
                assert node.attr in tenfold.__all__
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "tenfold"


def test_the_test_set_is_read_once_at_the_end_and_by_no_answer() -> None:
    code = [source(cell) for cell in CODE]
    tests = [number for number, text in enumerate(code) if TEST_SET.search(text)]
    chooses = [number for number, text in enumerate(code) if re.search(r"tenfold\.(train|tune|study)\(|learn\(", text)]
    assert len(tests) == 1
    assert max(chooses) < tests[0]
    assert not any(TEST_SET.search(answer) for answer in ANSWERS)


def test_no_result_is_typed_into_the_prose() -> None:
    prose = [re.sub(r"```.*?```", "", text, flags=re.S) for text in PROSE]
    assert [text for text in prose if re.search(r"\d\s*(%|percent)", text)] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_it_runs_from_top_to_bottom_with_all_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # beside other work, threads that wait must not spin
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel is this interpreter
    book = nbformat.read(FILE, as_version=4)  # type: ignore[no-untyped-call]
    new_cell: Any = nbformat.v4.new_code_cell
    book.cells += [new_cell(code) for code in [*ANSWERS, CHECKS]]
    client = NotebookClient(book, timeout=1_200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()  # raises at the first cell that fails
    for cell in book.cells:
        streams = [output for output in cell.get("outputs", []) if output["output_type"] == "stream"]
        assert [output["text"] for output in streams if output["name"] == "stderr"] == []
    assert list(tmp_path.iterdir()) == []
