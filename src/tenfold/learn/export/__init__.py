"""Trained networks for other programs.

onnx        the model file that reads pictures      weights   state dicts, whole networks, safetensors
estimator   a recipe as a scikit-learn estimator
"""
