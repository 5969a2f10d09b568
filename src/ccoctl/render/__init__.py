"""A plan or a result as text: for people, as JSON, as a dry run's files, as a script.

Belongs here: pure functions from values to text. Does not belong here: printing, colours of a terminal, any cloud.
"""
