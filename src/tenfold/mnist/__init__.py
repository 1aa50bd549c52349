"""The data: MNIST, which is in the package, and a user's own digits.

sources.load(path)   labelled digits from anywhere, as a Source      Source.split()   training and validation
embedded             the four original files, checked when read      idx              their format
digits               a set of images and labels, and how it is cut   exports          writing them for other tools
dataset.MNIST        torchvision's dataset class, without download   transforms       its usual transforms
"""

SIDE = 28  # pixels, of every image that tenfold learns from
DIGITS = tuple("0123456789")
