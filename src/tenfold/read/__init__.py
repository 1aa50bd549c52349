"""The reading wing: from any picture to the digits in it, by onnxruntime alone.

reader      Reader: pictures in, numbers out
reading     Reading, Digit: what was read, its text, and how sure it is
decode      a file, bytes, array or PIL image to its pages in colours (H, W, 3)
decoding/   what is in a file: pictures, documents; a process for those that may take any time and memory
limits      how long reading may take: a deadline
urls        pictures and folders of an object store
filters     connected components, blurring and closing, in numpy
finding/    from the colours of a page to the signs of each row
classifier  the model file: normalises and classifies digits in batches
model_file  what an ONNX file holds, looked at before it is opened
lines       the model file for lines: a row of writing to its text
numbers     what a number as it was written can mean: points, commas, closing dashes
tables      the cells of a table, in rows and columns
drawing     pictures of what was read: boxes, and every stage on the way
many/       thousands of pictures, on all cores or on a Ray cluster
"""
