"""One function for each thing a user wants: values in, events and a result out.

Belongs here: the order of the work. Does not belong here: flags, terminals, the wording of results.
"""
