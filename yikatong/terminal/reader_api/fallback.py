"""Going on with an HSM where the terminal's security module cannot: each function's steps, and who answers them.

Source: the reader specification (after which codes software goes on, how it goes through the steps).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yikatong.smartcard.ssse_hsm import CardPath
from yikatong.terminal.reader_api.codes import FALLS_BACK, Code, ReaderError
from yikatong.terminal.reader_api.hsm import Hsm

if TYPE_CHECKING:
    from yikatong.terminal.reader_api.api import ReaderApi, Result

type _Ask = Callable[[Hsm, CardPath, str], str]


@dataclass(frozen=True, slots=True)
class _Way:
    """``asks``: who answers each step's text.

    ``first``: which arguments the first step takes; ``last``: which more the last one takes.
    """

    asks: tuple[_Ask, ...]
    first: tuple[int, ...]
    last: tuple[int, ...] = ()


def _authenticate(hsm: Hsm, _: CardPath, request: str) -> str:
    return hsm.authenticate(request)


def _external(hsm: Hsm, card: CardPath, request: str) -> str:
    return hsm.external(card, request)


def _secure(hsm: Hsm, card: CardPath, request: str) -> str:
    return hsm.secure(card, request)


def _authorise(hsm: Hsm, card: CardPath, request: str) -> str:
    return hsm.authorise_purchase(card, request)


_WAYS = {
    "iReadCardBas": _Way((_authenticate,), (0,)),
    "iReadCard": _Way((_external,), (0, 2, 3)),
    "iWriteCard": _Way((_external,), (0, 1, 2), (3,)),
    "iReloadPIN": _Way((_external, _secure), (0, 1)),
    "iUnblockPIN": _Way((_external, _secure), (0, 1)),
    "iDoDebit": _Way((_authorise,), (0, 1, 2)),
}
FUNCTIONS = frozenset(_WAYS)
"""The functions that have steps."""


def call(api: "ReaderApi", hsm: Hsm | None, name: str, *arguments: int | str) -> "Result":
    """One of ``FUNCTIONS``; its steps with ``hsm`` where the security module cannot.

    Its result is the same either way.
    """
    code, text = getattr(api, name)(*arguments)
    if code not in FALLS_BACK or hsm is None:
        return code, text
    try:
        return _through(api, hsm, name, arguments)
    except ReaderError as error:
        return error.code, ""
    finally:
        api.close()


def _through(api: "ReaderApi", hsm: Hsm, name: str, arguments: Sequence[int | str]) -> "Result":
    way = _WAYS[name]
    code, text = getattr(api, f"{name}_HSM_Step1")(*(arguments[place] for place in way.first))
    first = text
    for step, ask in enumerate(way.asks, start=2):
        if code or api.path is None:
            return code, text
        more = [arguments[place] for place in way.last] if step == len(way.asks) + 1 else []
        code, text = getattr(api, f"{name}_HSM_Step{step}")(ask(hsm, api.path, text), *more)
    if name == "iDoDebit" and code == Code.OK:
        assert api.path is not None, "a card was held"
        mac2, text = text.split("|", maxsplit=1)
        hsm.check_purchase(api.path, first, mac2)
    return code, text
