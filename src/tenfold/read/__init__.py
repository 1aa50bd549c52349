"""The reading wing: from any picture to the digits in it, by onnxruntime alone.

reader      Reader: pictures in, digits out
reading     Reading, Digit: what was read, its text, and how sure it is
decode      a file, bytes, array or PIL image to its pages in colours (H, W, 3)
urls        pictures and folders of an object store
finding/    from the colours of a page to the ink of each digit
classifier  the model file: normalises and classifies digits in batches
lines       the model file for lines: a row of writing to its text
drawing     pictures of what was read: boxes, and every stage on the way
many/       thousands of pictures, on all cores or on a Ray cluster
"""
