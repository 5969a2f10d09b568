"""Amazon Web Services: what is wanted there, what is found, and the calls that lead from one to the other.

Belongs here: IAM, S3, CloudFront and STS. Does not belong here: terminals, flags, other clouds.
"""
