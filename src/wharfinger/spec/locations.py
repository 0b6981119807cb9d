"""Where bytes are kept: the word that the database and the byte stores share."""

from typing import NewType

Location = NewType("Location", str)
"""A key in a byte store, relative, of the characters [a-z0-9/] only. Made by the store, kept in the database."""
