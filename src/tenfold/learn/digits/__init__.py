"""What a network is shown: digits as tensors, and everything that is done to them.

dataset         the digits of a recipe, on its device       styles        digits in styles that MNIST lacks
augment         random changes of whole batches             outliers      shapes that are no digit
degrade         light, noise, blur, strokes, blots          corruptions   those of MNIST-C
pictures        digits as pictures show them                pens          strokes of any width
normalisation   MNIST's own, as a layer of the model file
"""
