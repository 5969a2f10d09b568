"""The commands of `ccoctl lab`, one file each."""
