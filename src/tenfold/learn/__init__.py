"""The learning wing, on PyTorch: from labelled digits to a trained network.

recipe       what to train, in one object         training     the loop
recipes      the ones that come with tenfold      checkpoint   the loop's state on disk
networks     the architectures                    runs         the folders that training leaves
tasks        what is asked about a digit          models       trained networks on disk
augment      random changes of whole batches      inference    from images to logits
optimizers   optimizers and schedules             metrics      from logits to scores
devices      where to compute                     evaluation   scores on the test set, with a report
progress     what a person sees meanwhile         figures      pictures of all of it
                                                  prediction   answers for single digits
"""
