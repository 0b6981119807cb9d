"""Formats of distributions that say more than OSV does; told by what is in a file, wherever it lies."""
