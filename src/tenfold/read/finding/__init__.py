"""From the colours of a page to the ink of each sign on it.

page       a page to its rows: which ink, which way up
view       the rows that were cut out, and what one way of looking gave
paper      ink on a ground of one colour, and on any paper: the light and the paper taken away
rulings    straight lines, found and taken out of the ink
grids      the walls of tables and forms
cells      the rows in each cell between them
strokes    ink to connected pieces, without specks and edges, and the rows they stand in
frames     what is drawn round numbers
strips     rows cut out straight, as the network for lines reads them
alignment  where the signs of a text stand among the ink
signs      which ink is which sign, and what the network for digits makes of it
forms      the rows of a page as people write them
"""
