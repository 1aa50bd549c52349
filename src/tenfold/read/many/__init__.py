"""Thousands of pictures: which are meant, how they are read, and what is written.

targets    the pictures that files, folders, globs and URLs mean
rows       what comes of a picture: its reading or why there is none, cut-outs, a picture with boxes
processes  rows in order, read by processes of this machine
cluster    rows, or a folder of Parquet, read on a Ray cluster
outputs    files of rows: JSON, CSV, Parquet, text; growing and resumed
folder     a folder of Parquet: what it holds already
review     a page of what a person should look at; review.html is its frame
bulk       all of it: tenfold.read_many
"""
