"""The commands of `ccoctl release`."""
