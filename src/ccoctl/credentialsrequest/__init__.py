"""What components ask for.

Belongs here: the CredentialsRequest types, reading a directory of them, choosing the ones that apply. Does not belong
here: what a cloud makes of a request.
"""
