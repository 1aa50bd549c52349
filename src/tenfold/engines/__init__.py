"""Where much work is done: in processes of this machine, or on a Ray cluster. What the work is they do not know.

`jobs` says what a job is and opens an engine; `local` and `cluster` are the two engines; `connection` finds Ray.
"""
