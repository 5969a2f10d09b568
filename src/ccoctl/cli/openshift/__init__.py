"""Commands that work with OpenShift's installer."""
