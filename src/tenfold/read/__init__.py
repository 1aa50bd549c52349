"""The reading wing: from any picture to the digits in it, by onnxruntime alone.

decode     a file, bytes, array or PIL image -> colours float (H, W, 3)
paper      colours -> ink: the light and the paper taken away
lines      ruled lines and page edges taken out of the ink
strokes    ink -> connected strokes, specks left out, and the rows they stand in
classifier the model file: normalised, classified, in batches
segments   the strokes of a row -> digits: broken ones joined, touching ones cut, as the classifier finds best
reader     all of it: Reader, Reading, Digit
"""
