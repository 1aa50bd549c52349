"""How large is the code, and how is it laid out? Lines and files by folder, circles of imports, long functions.

    python benchmarks/structure.py [CHECKOUT] [--json | --check]
    python benchmarks/structure.py --against CHECKOUT     # both, into results/structure.json

A circle is a set of files that import each other, directly or by others, counting imports inside of functions and those
for types alone. A function's lines are those from `def` to its end; its arguments are all but `self` and `cls`.
"""

import argparse
import ast
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import write

HERE = Path(__file__).resolve().parent.parent
LINES, ARGUMENTS = 60, 8  # what a function must not have more of; ruff checks the arguments
LONG = {  # functions that may be longer, and why
    "tenfold/cli/explain.py:explain": "options",
    "tenfold/cli/read.py:read": "options",
    "tenfold/cli/serve.py:serve": "options",
    "tenfold/learn/digits/styles.py:strokes": "a case for each digit",
    "tenfold/learn/training/loop.py:learn": "the training loop, to be read from top to bottom",
}


def module(path: Path, src: Path) -> str:
    parts = path.relative_to(src).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, name: str, known: dict[str, Path]) -> Iterator[str]:
    """The modules among those known that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [one if one in known else node.module for one in inner]
        else:
            continue
        yield from (one for one in found if one in known and one != name)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (R. Tarjan 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in graph[name]:
            if other not in number:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            cut = stack.index(name)
            component = stack[cut:]
            del stack[cut:]
            if len(component) > 1:
                found.append(sorted(component))

    for name in sorted(graph):
        if name not in number:
            visit(name)
    return found


def functions(tree: ast.AST, path: Path) -> Iterator[tuple[str, int, int]]:
    """Each function with its place, lines and arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(one.arg not in ("self", "cls") for one in arguments)
            yield f"{path}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, count


def structure(root: Path) -> dict[str, Any]:
    """What is said of a checkout."""
    src = root / "src"
    files = sorted(src.rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    known = {module(path, src): path for path in files}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    graph = {name: set(imported(trees[path], name, known)) for name, path in known.items()}
    every = [row for path in files for row in functions(trees[path], path.relative_to(src))]
    folders: dict[str, dict[str, int]] = {}
    for path in files:
        row = folders.setdefault(str(path.parent.relative_to(src)), {"files": 0, "lines": 0})
        row["files"] += 1
        row["lines"] += len(texts[path].splitlines())
    lines = {
        name: sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sorted((root / name).rglob(pattern)))
        for name, pattern in (
            ("tests", "*.py"),
            ("benchmarks", "*.py"),
            ("src/tenfold/serve", "*.js"),
            ("docs", "*.md"),
        )
    }
    return {
        "lines of Python in src": sum(row["lines"] for row in folders.values()),
        "files": len(files),
        "largest file": max((len(text.splitlines()), str(path.relative_to(src))) for path, text in texts.items()),
        "most files in a folder": max(row["files"] for row in folders.values()),
        "circles": circles(graph),
        f"functions over {LINES} lines": sorted(f"{name} ({count})" for name, count, _ in every if count > LINES),
        f"functions over {ARGUMENTS} arguments": sorted(f"{name} ({n})" for name, _, n in every if n > ARGUMENTS),
        "folders": folders,
        "lines elsewhere": lines,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, nargs="?", default=HERE)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail for circles and for long functions that LONG lacks")
    parser.add_argument("--against", type=Path, help="an earlier checkout, to save both")
    given = parser.parse_args()
    if given.against:
        both = {"before": structure(given.against.resolve()), "after": structure(HERE)}
        write("structure", {"date": time.strftime("%Y-%m-%d"), **both})
        return
    found = structure(given.checkout.resolve())
    if given.check:
        faults = [" <-> ".join(circle) for circle in found["circles"]]
        faults += [row for row in found[f"functions over {LINES} lines"] if row.split(" (")[0] not in LONG]
        if faults:
            raise SystemExit("\n".join(["circles of imports, and functions that are too long:", *faults]))
        return
    if given.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            print(name)
            for key, row in value.items():
                print(f"  {key:32} {row if isinstance(row, int) else '  '.join(f'{k} {v}' for k, v in row.items())}")
        elif isinstance(value, list):
            print(f"{name}: {len(value)}")
            for one in value:
                print(f"  {one if isinstance(one, str) else ' <-> '.join(one)}")
        else:
            print(f"{name}: {value if isinstance(value, int) else ' '.join(map(str, value))}")


if __name__ == "__main__":
    main()
