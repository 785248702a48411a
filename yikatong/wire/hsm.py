"""What a reader without a security module asks the city's HSM service, and what it is answered.

The texts are the reader specification's: a step's ``pOutInfo`` and the next step's ``pKey``.
"""

from typing import Annotated

import msgspec

REQUEST_MAX = 400


class HsmQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of ``iReadCardBas_HSM_Step1``."""

    request: Annotated[str, msgspec.Meta(max_length=REQUEST_MAX)]


class HsmAnswer(msgspec.Struct, frozen=True):
    """The ``pKey`` of ``iReadCardBas_HSM_Step2``."""

    answer: str
