"""Somebody else's registry, or our own from outside: references, credentials, and requests that are bounded."""
