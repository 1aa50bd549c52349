from tenfold.learn.lines.alphabet import BLANK, CLASSES, decode, encode


def test_a_text_is_its_classes_and_back() -> None:
    assert decode(encode("".join(CLASSES))) == "".join(CLASSES)
    assert BLANK not in encode("".join(CLASSES))


def test_words_are_one_sign_and_spaces_none() -> None:
    assert decode(encode("3.75 kg (12 %)")) == "3.75?(12%)"
    assert decode(encode("€5 or €7")) == "?5?7"
