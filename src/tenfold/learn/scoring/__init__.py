"""How good a network is, on digits that it did not learn from.

evaluation   scores on the test set                   robustness   errors on corrupted digits
metrics      from logits to scores                    ensembles    several networks as one
prediction   answers for single digits                report       the page about an evaluation
figures      figures of scores                         selfcheck    whether PyTorch computes as it should
lines        scores on rows of writing                matrix       the confusion matrix inside that page
thumbnails   digits inside it
"""
