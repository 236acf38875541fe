"""The engine's end of a terminal inside a kernel."""

import base64

from attrs import define

from .contract import KernelGone
from .control import Control


@define
class KernelTerminal:
    """A shell over a connection of its own; it gets a hang-up when the connection ends."""

    _control: Control

    async def read(self) -> bytes:
        """Return what the shell shows next, nothing at its end."""
        try:
            message = await self._control.receive()
        except KernelGone:
            return b""
        data = message.get("data")
        try:
            return base64.b64decode(data) if isinstance(data, str) else b""
        except ValueError:
            raise self._control.fault("it sent invalid terminal output") from None

    async def write(self, data: bytes) -> None:
        """Type."""
        await self._control.send(op="type", chars=base64.b64encode(data).decode())

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the shell the size of the window."""
        await self._control.send(op="resize", rows=rows, cols=columns)

    async def aclose(self) -> None:
        """Hang up."""
        await self._control.aclose()
