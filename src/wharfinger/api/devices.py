"""Device logins (RFC 8628), in JSON: begin one, and ask whether it was approved."""

from fastapi import Request

from wharfinger.access import devices
from wharfinger.access.devices import Devices
from wharfinger.api.models import DeviceBegun, DeviceCode, DeviceLogin, NewDevice
from wharfinger.api.routes import Anyone, From, Route
from wharfinger.web.challenge import Addresses


class DeviceHandlers:
    """What a device asks; the person's part is a page."""

    def __init__(self, devices: Devices, addresses: Addresses) -> None:
        self._devices = devices
        self._addresses = addresses

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/device", self.begin, Anyone.AT_ALL),
            Route("POST", "/device/token", self.collect, Anyone.AT_ALL),
        ]

    async def begin(self, request: Request, new: NewDevice, origin: From) -> DeviceBegun:
        """Begin a login: a code for its user to approve on our page, and a secret to ask with meanwhile."""
        begun = await self._devices.begin(new.client, origin)
        user_code = devices.shown(begun.user_code)
        page = f"{self._addresses.base(request.scope)}/device"
        return DeviceBegun(
            device_code=begun.device_code,
            user_code=user_code,
            verification_uri=page,
            verification_uri_complete=f"{page}?user_code={user_code}",
            expires_in=devices.LIFETIME,
            interval=devices.INTERVAL,
        )

    async def collect(self, asked: DeviceCode, origin: From) -> DeviceLogin:
        """The login, once it was approved; until then 400, whose ``error`` is a word of RFC 8628, section 3.5."""
        account, login = await self._devices.collect(asked.device_code, origin)
        return DeviceLogin(username=account, token=login.token, expires=login.expires_at)
