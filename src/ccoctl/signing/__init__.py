"""The cluster's identity: its signing key, its JWKS and its discovery document.

Belongs here: functions from bytes to values and back. Does not belong here: reading or writing files, any cloud.
"""
