"""Collection: what is up for review, and bytes that are doomed. Beside ``schema.py``, with its conventions."""
