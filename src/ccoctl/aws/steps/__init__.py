"""From a difference to steps, one file for each kind of resource.

Belongs here: functions of (wanted, found) that give steps. Does not belong here: reading the account, executing.
"""
