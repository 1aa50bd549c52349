"""The 15 digits of MNIST's test set whose label fewer than 3 of 5 people kept.

Found by confident learning and checked by people: C. Northcutt, A. Athalye, J. Mueller 2021, Pervasive label errors in
test sets destabilize machine learning benchmarks (arXiv 2103.14749; labelerrors.com). What anybody says of them must
choose nothing: the labels that count are the published ones.
"""

import numpy as np
from numpy.typing import NDArray

# Index in the test set: the label that at least 3 of the 5 preferred.
CORRECTED = {947: 9, 1621: 6, 1901: 4, 2462: 0, 2597: 3, 3558: 0, 5937: 3, 6651: 6, 6783: 6, 9729: 6}
# No label has 3 of them: no digit to most of them (the first three), or two that they are divided over.
UNDECIDED = (2654, 3520, 9679, 2130, 8527)


def corrected(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The test set's labels (10,000,) as those people have them; -1 where they do not agree."""
    changed = labels.copy()
    changed[list(CORRECTED)] = list(CORRECTED.values())
    changed[list(UNDECIDED)] = -1
    return changed
