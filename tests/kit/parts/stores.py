"""The addresses of object stores under test."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import obstore
from obstore.store import S3Store


@dataclass(frozen=True)
class S3:
    """A bucket in an S3 service on this machine."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def obstore(self) -> dict[str, Any]:
        """The arguments of obstore's S3Store."""
        return {
            "bucket": self.bucket,
            "endpoint": self.endpoint,
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "region": self.region,
            "client_options": {"allow_http": True},
        }


@dataclass(frozen=True)
class Azure:
    """A container in an Azure Blob service on this machine."""

    endpoint: str
    container: str
    account: str
    key: str

    def obstore(self) -> dict[str, Any]:
        """The arguments of obstore's AzureStore."""
        return {
            "container_name": self.container,
            "endpoint": self.endpoint,
            "account_name": self.account,
            "account_key": self.key,
            "client_options": {"allow_http": True},
        }


def create_bucket(store: S3) -> None:
    """Make the store's bucket: obstore has no word for it, but signs a PUT of the bucket itself."""
    url = obstore.sign(S3Store(**store.obstore()), "PUT", "", timedelta(minutes=5))
    with urlopen(Request(url, method="PUT")) as answer:
        answer.read()
