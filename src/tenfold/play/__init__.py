"""The page on which a network learns before one's eyes: a training of tenfold's own, watched while it goes on.

server       the process: address, and how it ends      pace      which training may do the next step
application  the routes below /play, the page, errors   watching  what is seen of a training, and its moments
session      what the page's buttons do                 knobs     what a training is asked to be
finished     scores, keeping and reading afterwards     stream    what the page is sent while it is open
inside       a look inside: layers, a unit's sum, what is switched off, the least change
initial      weights of one training that another begins with
page/        the page, as the browser gets it
"""
