"""``wharf serve``: the registry itself."""

from typing import Annotated

from wharfinger.cli.config import ConfigFile, DataFolder, does, loaded


def serve(
    *,
    config: ConfigFile = None,
    data: DataFolder = None,
    listen: Annotated[str | None, does("listen")] = None,
    workers: Annotated[str | None, does("workers")] = None,
    tls_cert: Annotated[str | None, does("tls_cert")] = None,
    tls_key: Annotated[str | None, does("tls_key")] = None,
) -> int:
    """Run the registry until it is told to stop: SIGTERM or Ctrl-C lets transfers finish, a second one does not."""
    from wharfinger import logs
    from wharfinger.serving import supervisor

    options = {"data": data, "listen": listen, "workers": workers, "tls_cert": tls_cert, "tls_key": tls_key}
    settings = loaded(config, options).settings
    logs.configure(settings.log_level, settings.log_format)
    return supervisor.serve(settings)
