"""Where much work is done: in processes of this machine, or on a Ray cluster. What the work is they do not know.

jobs        what a job is, what an engine reports of it, and what an engine can do
opening     the engine of a name, opened
local       the engine of this machine: processes, by pebble
cluster     the engine of a Ray cluster: tasks
connection  a connection to Ray, and what each of its nodes says
"""
