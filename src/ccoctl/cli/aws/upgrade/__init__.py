"""The commands of `ccoctl aws upgrade`."""
