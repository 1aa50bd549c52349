"""The learning wing, on PyTorch: from labelled digits to a trained network, and what it does.

recipes     what to train, in one object       scoring    how good a network is
networks    the architectures                  export     networks for other programs
digits      what a network is shown            search     better recipes, and many seeds
lines       rows of digits and signs           explain    why a network answers so
training    the loop, and all that starts it   figures    what all figures share
train       what `tenfold.train` is            stopping   Ctrl-C between two steps
"""
