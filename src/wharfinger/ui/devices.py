"""The page on which somebody lets a device log in as them."""

from starlette.responses import Response
from starlette.routing import Route

from wharfinger.access.devices import Devices, shown
from wharfinger.errors import RequestInvalid
from wharfinger.ui.services import Services
from wharfinger.ui.visit import Visit, code, handler


class DevicePages:
    """Type the code, see what asks, decide."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._devices: Devices = services.devices

    def routes(self) -> list[Route]:
        made = self._services
        return [
            Route("/device", handler(made, self.show, logged_in=True), methods=["GET"]),
            Route("/device", handler(made, self.step, logged_in=True), methods=["POST"]),
        ]

    async def show(self, visit: Visit) -> Response:
        """Where the code is typed. That it is in the address already decides nothing."""
        return visit.page("device.html", user_code=code(visit.request.query_params))

    async def step(self, visit: Visit) -> Response:
        """The code, then the decision."""
        typed = visit.field("user_code")
        match visit.field("decision"):
            case "":
                asking = await self._devices.find(visit.caller, typed)
                return visit.page("device_confirm.html", asking=asking, user_code=shown(asking.user_code))
            case "approve":
                asking = await self._devices.approve(visit.caller, typed)
                return visit.page("device_done.html", asking=asking, approved=True)
            case "deny":
                asking = await self._devices.deny(visit.caller, typed)
                return visit.page("device_done.html", asking=asking, approved=False)
            case _:
                raise RequestInvalid("the decision is to approve or to deny")
