"""From the colours of a page to the ink of each digit on it.

page      a page to its segments: which ink, which way up, which rows
clean     ink on a ground of one colour, at once
paper     ink on any paper: the light and the paper taken away
rulings   ruled lines taken out of the ink
strokes   ink to connected pieces, without specks and edges, and the rows they stand in
segments  the pieces of a row to digits: broken ones joined, touching ones cut
"""
