"""The layouts in which labelled images are passed round, each read into a `Raw`.

reading    which layout a path has, and what of it is not used
raw        labelled images as they were found, part by part
arrays     IDX files, NumPy's .npz and .npy, MATLAB's .mat, LIBSVM's format
tables     CSV of pixels or of pictures
arrow      Parquet and Arrow, as Hugging Face and others have them
folders    a sub-folder of pictures for each class
pictures   a picture of any kind as grey values
"""
