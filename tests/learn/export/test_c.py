import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from learn.export.test_integer import CLASSES, NETWORKS, images, network
from tenfold.learn.export import c, integer
from tenfold.learn.export.integer import IntegerNetwork
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded

MAIN = Path(__file__).parents[3] / "examples" / "main.c"
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2")


def compiled(compiler: str, header: str, folder: Path) -> Path:
    """The program in examples/, with a header, and without what a processor may do that C does not promise."""
    if shutil.which(compiler) is None:
        if os.environ.get("CI") and compiler == "gcc":
            pytest.fail("there is no gcc, and in continuous integration this must run")
        pytest.skip(f"there is no {compiler}")
    (folder / "digit.h").write_text(header)
    shutil.copy(MAIN, folder)
    checked = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
    command = [compiler, *STRICT, *(checked if compiler == "gcc" else ()), "-o", "digit", "main.c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "digit"


def told(program: Path, given: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What the program answers to images, and their scores."""
    done = subprocess.run([program], input=given.tobytes(), capture_output=True, check=True)
    lines = [line.split(":") for line in done.stdout.decode().splitlines()]
    return np.array([int(digit) for digit, _ in lines]), np.array([list(map(int, s.split())) for _, s in lines])


def agrees(program: Path, whole: IntegerNetwork, given: NDArray[np.uint8]) -> None:
    digits, scores = told(program, given)
    wanted = whole.scores(given)
    np.testing.assert_array_equal(scores, wanted)
    np.testing.assert_array_equal(digits, wanted.argmax(1))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", NETWORKS)
def test_c_computes_the_same_numbers(name: str, compiler: str, tmp_path: Path) -> None:
    whole = integer.of_network(network(name, 5 if name == "separable" else 32), images(), CLASSES)
    program = compiled(compiler, c.header(whole, name, "digit.h"), tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    extremes = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    agrees(program, whole, np.concatenate([images(50), noise, extremes]))


def test_all_test_digits(tmp_path: Path) -> None:
    whole = integer.of_network(network("separable", 4), images(), CLASSES)
    agrees(compiled("gcc", c.header(whole, "small", "digit.h"), tmp_path), whole, embedded.read("test").images)


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_are_packed(bits: int) -> None:
    most = 2 ** (bits - 1)
    numbers = np.random.default_rng(bits).integers(-most, most, 101)
    packed = c.pack(numbers, bits)
    assert len(packed) == -(-101 * bits // 8) + 1
    stream = int.from_bytes(packed.tobytes(), "little")
    assert [(stream >> (k * bits) & (2**bits - 1)) - most for k in range(101)] == numbers.tolist()


def test_a_run_is_written(run: Run, tmp_path: Path) -> None:
    path, whole = c.export(run, tmp_path / "mine.h")
    text = path.read_text()
    assert '#include "mine.h"' in text
    assert f"Constants {whole.constants:,} bytes" in text
    assert "@" not in text
    assert c.export(run)[0] == run.path / "digit.h"


def test_names_do_no_harm(tmp_path: Path) -> None:
    whole = integer.of_network(network("mlp"), images(), (*CLASSES[:9], "*/ int x; /*"))
    assert "*/ int" not in c.header(whole, "*/ evil", "digit.h")
