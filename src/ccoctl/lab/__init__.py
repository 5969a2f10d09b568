"""An AWS on this machine, for demonstrations and tests; needs the extra `ccoctl[lab]`.

Belongs here: the embedded servers; the only place that imports moto. Does not belong here: anything a production run
needs.
"""
