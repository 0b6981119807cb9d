"""Usage, and what fsck found. Beside ``schema.py``, with its conventions."""
