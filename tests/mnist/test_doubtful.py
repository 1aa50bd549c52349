"""The test digits whose label people doubt."""

import numpy as np

from tenfold.mnist import doubtful, embedded


def test_ten_labels_are_corrected_and_five_left_open() -> None:
    published = embedded.read("test").labels
    labels = doubtful.corrected(published)
    changed = np.flatnonzero(labels != published)
    assert sorted(changed) == sorted([*doubtful.CORRECTED, *doubtful.UNDECIDED])
    assert (len(changed), int((labels == -1).sum())) == (15, 5)
    assert labels[947] == 9
    assert published[947] == 8
