"""Keys in files of their own, made once and read by nobody else on the machine."""

import os
from contextlib import suppress
from pathlib import Path


def make(file: Path, content: bytes) -> bool:
    """Write the file unless there is one; whether it was written. Of several processes at once one writes it, whole."""
    if file.exists():
        return False
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(FileNotFoundError):  # left by a process that was killed
        written.unlink()
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    try:
        os.link(written, file)  # unlike a rename it fails where there is one already
    except FileExistsError:
        return False
    finally:
        written.unlink()
    return True
