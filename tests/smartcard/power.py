"""A card's memory whose power is cut after a given number of bytes."""

from yikatong.smartcard.memory import VolatileMedium


class PowerCut(Exception):
    """The card went out of the field."""


class TornMedium(VolatileMedium):
    """Writes ``bytes_left`` more bytes, then none. ``written`` counts what was asked for."""

    def __init__(self, octets: bytes = b"", *, bytes_left: int) -> None:
        super().__init__(octets)
        self._left = bytes_left

    def append(self, octets: bytes) -> None:
        """Write as many bytes as power lasts for."""
        super().append(octets[: self._left])
        self._spend(len(octets))

    def replace(self, octets: bytes) -> None:
        """All or nothing, as renaming is."""
        self._spend(len(octets))
        super().replace(octets)

    def _spend(self, count: int) -> None:
        if count > self._left:
            self._left = 0
            raise PowerCut
        self._left -= count
