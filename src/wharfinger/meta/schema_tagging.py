"""Tags: rules, and their history. Beside ``schema.py``, with its conventions."""
