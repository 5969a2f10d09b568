"""Service account tokens and their exchange, for any cloud.

Belongs here: claims, verification, issuing, projected volumes, and the proof that the right exchanges work and no
others. Does not belong here: what one cloud answers.
"""
