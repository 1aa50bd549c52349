"""Recipes: what to train, on what, and how. Nothing heavy is imported here, so that the command line can ask.

recipe         one frozen object that holds it all   presets   the recipes that come with tenfold
fields         its fields as text                    tasks     what is asked about a digit
augmentation   how far digits may be changed         devices   where to compute
own            networks, optimizers and augmentations of a user's own
"""
