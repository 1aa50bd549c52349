"""Which layout a path has, and what of it is not used."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tenfold.errors import DataError, FormatError
from tenfold.mnist.digits import Track
from tenfold.mnist.layouts import arrays, arrow, folders, tables
from tenfold.mnist.layouts.pictures import is_picture
from tenfold.mnist.layouts.raw import Raw

KNOWN = (
    "a folder with a sub-folder of pictures per class, IDX files (…images-idx3-ubyte beside …labels-idx1-ubyte), .npz, "
    ".npy, .csv, .parquet, .arrow or .mat"
)
_CONVERT = {  # what is not read, and the way to what is
    (".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz"): "it is an archive: unpack it first",
    (".pkl.gz",): "a pickle can run any program when loaded: where you trust it, in Python: (x, y), _, (u, v) = "
    "pickle.load(gzip.open(path), encoding='latin1'); np.savez('digits.npz', x_train=x, y_train=y, x_test=u, y_test=v)",
    (".gz",): "it is compressed: unpack it first",
    (".pkl", ".pickle", ".joblib"): "a pickle can run any program when loaded: where you trust it, load it in Python "
    "and np.savez('digits.npz', images=x, labels=y)",
    (".arff",): "in Python: x, y = sklearn.datasets.fetch_openml(data_id=554, return_X_y=True, as_frame=False), or any "
    "other way to read it; np.savez('digits.npz', images=x, labels=y.astype(str))",
    (".pt", ".pth"): "in Python: x, y = torch.load(path)[:2]; np.savez('digits.npz', images=x, labels=y)",
    (".h5", ".hdf5"): "in Python: f = h5py.File(path); np.savez('digits.npz', images=f[...], labels=f[...])",
    (".tfrecord",): "in Python: save its images and labels by np.savez('digits.npz', images=x, labels=y)",
}
_PAPERS = {
    ".txt",
    ".md",
    ".rst",
    ".json",
    ".jsonl",
    ".yml",
    ".yaml",
    ".html",
    ".db",
    ".ini",
    ".sha256",
    ".md5",
    ".lock",
}


def read(path: Path, track: Track, only: str = "") -> Raw:
    """What a file or folder holds; of IDX files in a folder `only` those that are so called.

    Raises DataError or FormatError where it is missing, damaged or of no layout that is known, MissingExtra.
    """
    if path.is_file():
        return _file(path, track)
    ways: tuple[Callable[[], Raw | None], ...] = (
        lambda: arrays.idx_in(path, only),
        lambda: arrow.arrow_in(path, track),
        lambda: arrays.numpy_in(path),
        lambda: arrays.mat_in(path),
        lambda: arrays.svm_in(path),
        lambda: tables.csv_in(path, track),
        lambda: folders.read(path, track),
    )
    raw = next((raw for way in ways if (raw := way()) is not None), None)
    if raw is None:
        for table in sorted(filter(tables.is_csv, path.iterdir())):
            tables.read_csv(table, track)  # which says why it is none
        raise DataError(_nothing(path))
    raw.notes += [] if only else _left_out(path, raw)
    return raw


def _file(path: Path, track: Track) -> Raw:
    if path.suffix == ".npz":
        return arrays.read_npz(path)
    if path.suffix == ".npy":
        return arrays.read_pair(path)
    if arrays.is_idx(path):
        return arrays.read_idx(path, [path])
    if path.suffix == ".mat":
        return arrays.read_mat(path)
    if arrays.is_svm(path):
        return arrays.read_svm(path, [path])
    if tables.is_csv(path):
        return tables.read_csv(path, track)
    if arrow.is_arrow(path):
        return arrow.read_arrow(path, [path], track)
    hint = _hint(path.name) or _called(path)
    if hint is None and is_picture(path):
        hint = "one picture teaches nothing: give a folder with a sub-folder per class"
    raise FormatError(f"{path} is no data that tenfold reads: {hint or f'give {KNOWN}'}")


def _hint(name: str) -> str | None:
    return next((hint for ends, hint in _CONVERT.items() if name.lower().endswith(ends)), None)


def _called(file: Path) -> str | None:
    """What to do with a file of IDX that is not called as such."""
    with open(file, "rb") as opened:
        first = opened.read(4)
    if first in (b"\0\0\x08\x03", b"\0\0\x08\x01"):
        return f"{file.name} is IDX: call images train-images-idx3-ubyte, their labels train-labels-idx1-ubyte"
    return None


def _visible(path: Path) -> list[Path]:
    """The files in a folder, however deep, without hidden ones and what macOS adds to archives."""
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and not any(part.startswith((".", "__MACOSX")) for part in file.relative_to(path).parts)
    ]


def _nothing(path: Path) -> str:
    """Why nothing in a folder is data: what was found, and what to do with it."""
    every = _visible(path)
    if not every:
        return f"{path} has no data, it is empty: give {KNOWN}"
    kinds = Counter(file.suffix.lower() or "without a suffix" for file in every)
    found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(4))
    hint = next((hint for file in every if (hint := _hint(file.name) or _called(file))), None)
    if hint is None and any(map(is_picture, path.iterdir())):
        hint = "put the pictures of each class into a sub-folder of its own, or list them in a labels.csv: file,label; "
        "what has no labels is read by tenfold read"
    return f"{path} has no data that tenfold reads, but {found}: {hint or f'give {KNOWN}'}"


def _left_out(path: Path, raw: Raw) -> list[str]:
    """What in a folder was not used, in a sentence; what only describes it is passed over."""
    known = {(file.parent, _plain(file)) for file in raw.used}  # the same file may lie there twice
    left = [
        file
        for file in _visible(path)
        if file.suffix.lower() not in _PAPERS
        and file not in raw.used
        and not any((folder, _plain(file)) in known for folder in file.parents)
    ]
    groups = Counter(file.relative_to(path).parts[0] for file in left)
    if not groups:
        return []
    counts = {name: f" ({count:,} file{'s' * (count > 1)})" * (path / name).is_dir() for name, count in groups.items()}
    shown = [f"{name}{counts[name]}" for name, _ in groups.most_common(4)]
    return [f"left out: {', '.join(shown)}{f' and {len(groups) - 4:,} more' if len(groups) > 4 else ''}"]


def _plain(file: Path) -> str:
    """The name of a file, but for how it is packed and parted."""
    return file.name.removesuffix(".gz").replace(".", "-")
