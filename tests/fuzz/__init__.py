"""Every parser of what strangers write, run on bytes that nobody has thought of: ``make fuzz``."""
