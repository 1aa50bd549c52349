"""main.ipynb: as it is stored, and executed from top to bottom with the answers to its exercises."""

import ast
import base64
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

import tenfold

FILE = Path(__file__).parents[1] / "main.ipynb"
BOOK: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CODE = [cell for cell in BOOK["cells"] if cell["cell_type"] == "code"]
PROSE = ["".join(cell["source"]) for cell in BOOK["cells"] if cell["cell_type"] == "markdown"]
FOLDED = r"<details>\n<summary>{}</summary>\n\n(.+?)\n\n</details>"
EXERCISES = [text for text in PROSE if text.startswith("### Exercise ")]
HINT, SOLVED = re.compile(FOLDED.format("Hint"), re.S), re.compile(FOLDED.format("Answer"), re.S)
ANSWER = re.compile(r"```python\n(.*?)\n```\n\n\w.+", re.S)  # the program, and what it shows
ANSWERS = [answer for text in EXERCISES for answer in ANSWER.findall(text)]
QUESTIONS = re.compile(r"\*\*Three questions\*\*\n\n(.+?)\n\n" + FOLDED.format("Answers") + r"\Z", re.S)
TEST_SET = re.compile(r"evaluate\(|predict\(|mistakes\(|train=False|test=True")  # what reads it

# What has gone well if the notebook has: it learnt, better at each step, and it read the page as it was written.
CHECKS = """
assert others[best] < 0.3 < 0.8 < baseline < 0.86 < linear < 0.94
assert min(tricks["all four"]) > 0.9
assert found.accuracy > 0.98 and found.n == 10_000
assert torch.equal(network(few_digits), again(few_digits)) and torch.equal(network(few_digits), whole(few_digits))
assert reading.lines == tuple(rows), reading.lines
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
    return bool(names & {"print", *tenfold.lesson.__all__} - {"begin"})


def test_it_was_executed_in_order_without_an_error() -> None:
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    kinds = [output["output_type"] for cell in CODE for output in cell["outputs"]]
    streams = {output["name"] for cell in CODE for output in cell["outputs"] if output["output_type"] == "stream"}
    assert "error" not in kinds
    assert streams == {"stdout"}


def test_every_cell_that_shows_something_has_its_output() -> None:
    missing = [source(cell)[:60] for cell in CODE if shows(source(cell)) and not cell["outputs"]]
    assert missing == []


def pictures() -> Iterator[tuple[str, PIL.Image.Image, dict[str, Any]]]:
    """The text, the picture and what is said of it, of every picture."""
    for cell in CODE:
        for output in cell["outputs"]:
            for kind in {"image/png", "image/jpeg"} & set(output.get("data", {})):
                content = base64.b64decode("".join(output["data"][kind]))
                text = "".join(output["data"]["text/plain"])
                yield text, PIL.Image.open(io.BytesIO(content)), output["metadata"][kind]


def test_pictures_are_sharp_and_have_a_text() -> None:
    found = list(pictures())
    assert len(found) >= 25
    for text, picture, about in found:
        assert text == about["alt"]
        assert len(text) > 25, text
        assert about["width"] <= 960
        assert picture.width == 2 * about["width"] or picture.format == "JPEG"


def test_it_begins_with_a_picture_and_the_question() -> None:
    first, second, third = BOOK["cells"][:3]
    assert source(first).startswith("# ")
    assert source(first).splitlines()[0].endswith("?")
    assert "import" not in source(second).replace("from tenfold import lesson", "")
    assert "image/png" in second["outputs"][0]["data"]
    assert "**What you will be able to do.**" in source(third)


def test_its_cells_are_about_learning() -> None:
    assert sum(len(source(cell).splitlines()) for cell in CODE) < 250
    assert not any(re.search("plt|matplotlib|color", source(cell)) for cell in CODE)


def test_it_is_small_and_says_nothing_of_the_machine_it_ran_on() -> None:
    assert FILE.stat().st_size < 2e6
    place = re.compile(r"(?<![\w.])/(tmp|home|root|work|var|usr|opt|mnt|Users|private)/|\b[A-Z]:\\")
    for cell in CODE:
        assert not place.search(source(cell) + shown(cell))
        assert "Warning" not in shown(cell)
    assert set(BOOK["metadata"]) == {"kernelspec", "language_info"}


def test_the_contents_are_the_headings() -> None:
    headings = re.findall(r"^## (.+)$", "\n".join(PROSE), re.M)
    linked = re.findall(r"^\d+\. \[(.+)\]\(#(.+)\)$", PROSE[1], re.M)
    assert headings == [f"{number}. {name}" for number, (name, _) in enumerate(linked, 1)]
    assert headings == [anchor.replace("-", " ") for _, anchor in linked]


def sections(texts: Iterable[str] = PROSE) -> list[str]:
    """The prose of each section."""
    return re.split(r"^## ", "\n\n".join(texts), flags=re.M)[1:]


def test_every_section_ends_with_three_questions_and_their_answers() -> None:
    told = sections(text for text in PROSE if text not in EXERCISES)
    for section in told[:-2]:  # where to go next, and the glossary, have none
        found = QUESTIONS.search(section.strip())
        assert found, section.splitlines()[0]
        for numbered in found.groups():
            assert re.findall(r"^(\d)\. ", numbered, re.M) == ["1", "2", "3"], section.splitlines()[0]


def test_every_exercise_has_a_hint_and_an_answer() -> None:
    assert [text.split(":")[0] for text in EXERCISES] == [f"### Exercise {k}" for k in range(1, len(EXERCISES) + 1)]
    assert len(EXERCISES) >= 9
    for text in EXERCISES:
        assert len(HINT.findall(text)) == len(SOLVED.findall(text)) == len(ANSWER.findall(text)) == 1, text[:40]


def test_the_words_of_the_glossary_are_explained_where_it_says() -> None:
    *explaining, _, glossary = sections()
    rows = re.findall(r"^\| (.+?) \| .+ \(([\d, ]+)\) \|$", glossary, re.M)
    assert [words for words, _ in rows] == sorted((words for words, _ in rows), key=str.casefold)
    assert len(rows) == glossary.count("\n|") - 2 >= 50
    for words, numbers in rows:
        told = " ".join(explaining[int(number) - 1] for number in numbers.split(", ")).replace("\n", " ").lower()
        assert [word for word in words.lower().split(", ") if word not in told] == []


def test_only_public_names_are_used() -> None:
    public = {"tenfold": tenfold.__all__, "lesson": tenfold.lesson.__all__}
    for code in [*map(source, CODE), *ANSWERS]:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in public:
                assert node.attr in public[node.value.id]
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tenfold":
                assert (node.module, [name.name for name in node.names]) == ("tenfold", ["lesson"])


def test_the_test_set_is_read_once_at_the_end_and_by_no_answer() -> None:
    code = [source(cell) for cell in CODE]
    tests = [number for number, text in enumerate(code) if TEST_SET.search(text)]
    chooses = [
        number
        for number, text in enumerate(code)
        if re.search(r"tenfold\.(train|tune|study)\(|learn\(|compare\(", text)
    ]
    assert len(tests) == 1
    assert max(chooses) < tests[0]
    assert not any(TEST_SET.search(answer) for answer in ANSWERS)


def test_no_result_is_typed_into_the_prose() -> None:
    prose = [re.sub(r"```.*?```", "", text, flags=re.S) for text in PROSE]
    assert [text for text in prose if re.search(r"\d\s*(%|percent)", text)] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_it_runs_from_top_to_bottom_with_each_answer_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # beside other work, threads that wait must not spin
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel is this interpreter
    book = nbformat.read(FILE, as_version=4)  # type: ignore[no-untyped-call]
    new_cell: Any = nbformat.v4.new_code_cell
    cells = []
    for cell in book.cells:
        cells += [cell, *map(new_cell, ANSWER.findall(cell.source) if cell.source in EXERCISES else [])]
    book.cells = [*cells, new_cell(CHECKS)]
    client = NotebookClient(book, timeout=1_200, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()  # raises at the first cell that fails
    assert sum(cell.cell_type == "code" for cell in book.cells) == len(CODE) + len(ANSWERS) + 1
    for cell in book.cells:
        streams = [output for output in cell.get("outputs", []) if output["output_type"] == "stream"]
        assert [output["text"] for output in streams if output["name"] == "stderr"] == []
    assert list(tmp_path.iterdir()) == []
