"""Training: one loop, and what goes with it.

loop         forward, backward, validate, save       checkpoint   the state of training on disk
start        fresh, from earlier weights, resumed    runs         the folders that training leaves
objectives   batches, losses and validation          models       trained networks on disk
optimizers   optimizers and learning rates           ranks        several processes that train together
randomness   the random state of every epoch         watchers     callbacks after steps and epochs
display      bars and lines for a person             trackers     TensorBoard and MLflow
"""
