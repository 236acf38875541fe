"""The engine's side of a terminal in a kernel."""

import base64

from attrs import define

from .contract import KernelGone
from .control import Control


@define
class KernelTerminal:
    """A shell with its own connection; the shell gets SIGHUP when the connection ends."""

    _control: Control

    async def read(self) -> bytes:
        """Return the next output of the shell, empty after the end of the shell."""
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
        """Send keys."""
        await self._control.send(op="type", chars=base64.b64encode(data).decode())

    async def resize(self, rows: int, columns: int) -> None:
        """Set the window size."""
        await self._control.send(op="resize", rows=rows, cols=columns)

    async def aclose(self) -> None:
        """Close the connection, which ends the shell."""
        await self._control.aclose()
