"""Plans as data, and the executor that carries them out.

Belongs here: calls, outputs, steps, plans, the generic comparison of wanted and found, retries, events. Does not belong
here: the name of any cloud, any terminal, any file format.
"""
