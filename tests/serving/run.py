"""Runs the supervisor around the stand-in: ``python -m tests.serving.run NAME=VALUE …``, as ``wharf serve`` does."""

import sys

from wharfinger import logs
from wharfinger.config import load
from wharfinger.serving import supervisor

if __name__ == "__main__":
    options = dict(word.split("=", 1) for word in sys.argv[1:])
    settings = load(None, {}, options).settings
    logs.configure(settings.log_level, settings.log_format)
    sys.exit(supervisor.serve(settings, application="tests.serving.standin"))
