"""The city's HSM service as a reader's ``Hsm``: it opens cards for reading and does nothing else."""

from yikatong.smartcard.ssse_hsm import CardPath
from yikatong.smartcard.status import Status
from yikatong.terminal.client import Client, GatewayRefused, GatewayUnreachable
from yikatong.terminal.reader_api.codes import Code, ReaderError


class HttpHsm:
    """``client``: a registered desk's or till's line to the gateway."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def authenticate(self, request: str) -> str:
        """See ``Hsm``. No answer is −11, a refused one −23."""
        try:
            return self._client.ask_hsm(request)
        except GatewayUnreachable as error:
            raise ReaderError(Code.READER) from error
        except GatewayRefused as error:
            raise ReaderError(Code.BAD_INPUT) from error

    def external(self, card: CardPath, request: str) -> str:
        """The service has no key for it (−27272)."""
        raise _no_key()

    def secure(self, card: CardPath, request: str) -> str:
        """The service has no key for it (−27272)."""
        raise _no_key()

    def authorise_purchase(self, card: CardPath, request: str) -> str:
        """The service has no key for it (−27272)."""
        raise _no_key()

    def check_purchase(self, card: CardPath, request: str, mac2: str) -> None:
        """The service has no key for it (−27272)."""
        raise _no_key()


def _no_key() -> ReaderError:
    return ReaderError(-Status.REFERENCE_DATA_NOT_FOUND)
