"""`tenfold serve`: its options."""

from pathlib import Path

from conftest import Cli


def test_wrong_options(tenfold_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for options, option in (
        (["--threshold", 2], "threshold"),
        (["--max-bytes", 0], "max-bytes"),
        (["--max-pictures", -1], "max-pictures"),
        (["--queue", -1], "queue"),
        (["--token", ""], "token"),
        (["--token", "two words"], "token"),
        (["--cors", "example.org"], "allow-origin"),
        (["--allow-origin", "https://example.org/"], "allow-origin"),
        (["--max-seconds", 0], "max-seconds"),
        (["--corrections", tmp_path / "file"], "corrections"),
        (["--workers", 0], "workers"),
        (["--port", 70000], "port"),
    ):
        status, out, err = tenfold_cli("serve", *options)
        assert (status, out) == (2, ""), options
        assert option in err
        assert len(err.splitlines()) == 1
    for options in (["--model", tmp_path / "none.onnx"], ["--corrections", tmp_path / "file" / "below"]):
        for workers in (1, 2):
            status, out, err = tenfold_cli("serve", "--port", 0, "--workers", workers, *options)
            assert (status, len(err.splitlines())) == (1, 1)


def test_help_has_examples(tenfold_cli: Cli) -> None:
    out = tenfold_cli("serve", "--help").out
    assert "--corrections" in out
    assert "curl" in out
