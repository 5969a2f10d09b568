"""Flags in, a workflow called, the result rendered.

Belongs here: options, streams, exit codes. Does not belong here: decisions.
"""
