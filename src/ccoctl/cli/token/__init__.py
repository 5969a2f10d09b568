"""The commands below `ccoctl token`."""
