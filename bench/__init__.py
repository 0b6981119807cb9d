"""The same load on Wharfinger and on Debian's docker-registry, side by side: ``python -m bench --help``."""
