"""The commands of `ccoctl aws`, one file each."""
