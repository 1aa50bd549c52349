"""The transforms that programs for MNIST use, with torchvision's names, arguments and conventions.

Training inside tenfold does not use them: there, whole batches are augmented at once.

values   one after the other; tensors of pictures and back, their scale, their colours
sizes    scaled, cropped, padded, mirrored
turns    turned, moved, scaled and sheared at random
images   what all of them ask of an image, PIL's or a tensor
"""
