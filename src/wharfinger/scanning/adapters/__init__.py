"""Scanners of others, by Harbor's pluggable scanner protocol, are asked about what is pushed, beside our own."""
