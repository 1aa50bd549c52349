"""Lines of writing, made of digits and signs, on paper of every kind: what a network that reads rows learns from.

alphabet   the classes of a line                    texts     what is written
hands      digits and signs as strokes              glyphs    everything that a line can be written with
writing    glyphs to lines in ink                   paper     the paper, and how a camera sees it
dataset    batches of lines, and their validation   own       a user's own lines
ctc        loss and decoding
"""
