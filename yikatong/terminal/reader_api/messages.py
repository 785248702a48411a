"""The reader API as JSON messages, as web pages of halls and kiosks send them to a service on their own machine.

``{"function": "iReadCardBas", "iType": 3}`` is answered with ``{"success": 0, "pOutInfo": "…"}``; ``success``
is the function's code, so no card is −2. It opens no socket. Source: the field's local services (docs/terminal.md).
"""

import json

from yikatong.foundation.errors import YikatongError
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import MEANINGS, Code
from yikatong.terminal.reader_api.fallback import FUNCTIONS

_ARGUMENTS: dict[str, dict[str, type]] = {
    "iReadCardBas": {"iType": int},
    "iReadCardBas_HSM_Step1": {"iType": int},
    "iReadCardBas_HSM_Step2": {"pKey": str},
    "iReadCard": {"iType": int, "iAuthType": int, "pCardInfo": str, "pFileAddr": str},
    "iReadCard_HSM_Step1": {"iType": int, "pCardInfo": str, "pFileAddr": str},
    "iReadCard_HSM_Step2": {"pKey": str},
    "iWriteCard": {"iType": int, "pCardInfo": str, "pFileAddr": str, "pWriteData": str},
    "iWriteCard_HSM_Step1": {"iType": int, "pCardInfo": str, "pFileAddr": str},
    "iWriteCard_HSM_Step2": {"pKey": str, "pWriteData": str},
    "iVerifyPIN": {"iType": int},
    "iChangePIN": {"iType": int},
    "iReloadPIN": {"iType": int, "pCardInfo": str},
    "iReloadPIN_HSM_Step1": {"iType": int, "pCardInfo": str},
    "iReloadPIN_HSM_Step2": {"pKey": str},
    "iReloadPIN_HSM_Step3": {"pKey": str},
    "iUnblockPIN": {"iType": int, "pCardInfo": str},
    "iUnblockPIN_HSM_Step1": {"iType": int, "pCardInfo": str},
    "iUnblockPIN_HSM_Step2": {"pKey": str},
    "iUnblockPIN_HSM_Step3": {"pKey": str},
    "iDoDebit": {"iType": int, "pCardInfo": str, "pPayInfo": str},
    "iDoDebit_HSM_Step1": {"iType": int, "pCardInfo": str, "pPayInfo": str},
    "iDoDebit_HSM_Step2": {"pKey": str},
    "iReadDebitRecord": {"iType": int},
}
REQUEST_MAX = 16_384
"""Characters: a photo in hex digits fits."""


def answer(api: ReaderApi, request: str) -> str:
    """The reply to one message; a request that is none is answered with −23 and a sentence."""
    code, text, told = _answered(api, request)
    reply: dict[str, object] = {"success": code, "pOutInfo": text}
    if code:
        reply["message"] = told or MEANINGS.get(code, f"卡片返回 {-code:04X}")
    return json.dumps(reply, ensure_ascii=False)


def _answered(api: ReaderApi, request: str) -> tuple[int, str, str]:
    if len(request) > REQUEST_MAX:
        return Code.BAD_INPUT, "", f"请求超过 {REQUEST_MAX} 个字符"
    try:
        fields = json.loads(request)
    except ValueError:
        return Code.BAD_INPUT, "", "请求不是 JSON"
    name = fields.get("function") if isinstance(fields, dict) else None
    if not isinstance(name, str) or name not in _ARGUMENTS:
        return Code.BAD_INPUT, "", f"没有这个函数；可用：{'、'.join(_ARGUMENTS)}"
    arguments = _ARGUMENTS[name]
    for argument, kind in arguments.items():
        if type(fields.get(argument)) is not kind:
            return Code.BAD_INPUT, "", f"{name} 需要参数 {argument}"
    values = [fields[argument] for argument in arguments]
    try:
        code, text = api.with_fallback(name, *values) if name in FUNCTIONS else getattr(api, name)(*values)
    except YikatongError as error:
        return Code.READER, "", str(error)
    return int(code), text, ""
