"""Short-lived cloud credentials for every component of a Kubernetes cluster.

The public names are in `ccoctl.workflows` and the model types; everything else is internal.
"""

__version__ = "0.1.0"
