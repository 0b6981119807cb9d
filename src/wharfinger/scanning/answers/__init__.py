"""Answers about images that are known already: what differs between two, and why one has a vulnerability. Pure."""
