"""Lifecycle: the trash, holds, use, runs. Beside ``schema.py``, with its conventions."""
