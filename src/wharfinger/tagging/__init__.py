"""Tags with a discipline: rules about what they may be and who may move them, and their history."""
