from tenfold.learn.explain.explanation import percent, pixels


def test_figures_in_words() -> None:
    assert [percent(share) for share in (0.0, 1e-9, 0.25, 0.5, 0.5001, 0.9989, 0.9999, 1.0)] == (
        ["under 0.1%", "under 0.1%", "25.0%", "50.0%", "over 50%", "99.9%", "over 99.9%", "over 99.9%"]
    )
    assert [pixels(ink) for ink in (0, 1 / 255, 0.891, 1.04, 31.77)] == [
        "0",
        "0.0039",
        "0.89",
        "1.0",
        "31.8",
    ]
