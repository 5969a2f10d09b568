"""The cluster's side: what is asked of a running cluster.

Belongs here: the Kubernetes API. Does not belong here: clouds, and what is decided from the answers.
"""
