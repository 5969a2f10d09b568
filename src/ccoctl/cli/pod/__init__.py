"""The commands below `ccoctl pod`."""
