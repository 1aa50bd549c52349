"""Inside a trained network, and its training as a film.

animation       the pictures of a training as GIF and as a sheet
attributions    how much each pixel speaks for a class: integrated gradients, occlusion
counterfactual  the least change of a picture that turns the answer
digit_map       what the last layer is given of each digit, and t-SNE of it
explain         the entry: chooses digits, explains them, draws
explanation     what comes of it, as dataclasses
figures         the figures of all that
film            a watcher of training that leaves training.gif
filters         the weights of the first layer as pictures
layers          what each layer makes of a picture, and what its units' sums are made of
"""
