"""Who does what the tests do."""

from wharfinger.access.caller import Caller, system

TESTS: Caller = system("tests", 0.0)
"""Somebody whom nobody asks for permission: the services of accounts and groups leave that to their callers."""
