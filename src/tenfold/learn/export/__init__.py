"""Trained networks for other programs.

onnx        the model file that reads pictures      lines     the model file that reads rows of writing
graph       what both of them have in common        weights   state dicts, whole networks, safetensors
estimator   a recipe as a scikit-learn estimator      integer   a network in whole numbers
c           a header of C99 for microcontrollers
"""
