"""The data: MNIST, which is in the package, and a user's own digits.

sources      labelled digits from anywhere, as a Source, and how it is split
embedded     the four original files in files/, checked when read
idx          their format, read and written
packed       what is packed or large, opened within bounds
layouts/     those in which labelled images are passed round
fitting      what was found in them made alike: 28 x 28, bright ink on black
named        sets known by a name, such as Fashion-MNIST, and where they are
digits       a set of images and labels in memory, and how it is cut
exports      digits written for other tools: IDX, PNG, NPZ
dataset      MNIST, torchvision's dataset class, without a download
transforms/  torchvision's usual transforms
doubtful     the 15 test digits whose label people doubt
"""

SIDE = 28  # pixels, of every image that tenfold learns from
DIGITS = tuple("0123456789")
