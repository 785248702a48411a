"""Sending through any provider that takes a message as one HTTP request: ``HttpSms``, configured by the environment alone.

Providers differ in address, headers, body and in how they say "taken": all four are configuration (docs/messages.md), secrets
are named in it and read from variables of their own. A request is repeated a few times with the same idempotency key where the
provider may not have got it; what the provider refuses is not repeated. Bodies and answers are never logged.
"""

import json
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from yikatong.foundation.masks import masked_phone

log = logging.getLogger(__name__)
ATTEMPTS = 3
BACKOFF_FIRST_S = 0.3
CONNECT_TIMEOUT_S = 3.0
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECRET = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_PLACES = ("{phone}", "{text}", "{key}")


class ConfigurationWrong(RuntimeError):
    """What is configured cannot work: says which variable and why."""


class NotSent(RuntimeError):
    """The provider did not take the message. ``is_final``: it answered, and a repeat would be refused too."""

    def __init__(self, text: str, *, is_final: bool) -> None:
        self.is_final = is_final
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class HttpProvider:
    """How to talk to one provider. ``body`` is JSON in which ``{phone}``, ``{text}``, ``{key}`` inside texts are replaced.

    ``success``: ``status`` (any 2xx), or ``json:PATH=VALUE`` (2xx and the answer's field, such as ``json:data.code=OK``).
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Any
    success: str = "status"
    timeout_s: float = 10.0
    key_header: str = "Idempotency-Key"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "HttpProvider":
        """From ``YIKATONG_SMS_…``. Raises ``ConfigurationWrong``."""
        url = environment.get("YIKATONG_SMS_URL", "")
        parts = urlsplit(url)
        is_local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise ConfigurationWrong("YIKATONG_SMS_URL must be an https address (http only on this machine)")
        headers = _json(environment, "YIKATONG_SMS_HEADERS", "{}")
        body = _json(environment, "YIKATONG_SMS_BODY", '{"phone": "{phone}", "text": "{text}", "key": "{key}"}')
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            raise ConfigurationWrong("YIKATONG_SMS_HEADERS must be a JSON object of texts")
        if not all(place in json.dumps(body) for place in _PLACES[:2]):
            raise ConfigurationWrong("YIKATONG_SMS_BODY must contain {phone} and {text}")
        success = environment.get("YIKATONG_SMS_SUCCESS", "status")
        if success != "status" and not re.fullmatch(r"json:[^=]+=.+", success):
            raise ConfigurationWrong("YIKATONG_SMS_SUCCESS must be status or json:PATH=VALUE")
        return cls(
            url=url,
            headers={name: _with_secrets(value, environment) for name, value in headers.items()},
            body=_mapped(body, lambda text: _with_secrets(text, environment)),
            success=success,
            timeout_s=float(environment.get("YIKATONG_SMS_TIMEOUT_S", "10")),
            key_header=environment.get("YIKATONG_SMS_KEY_HEADER", "Idempotency-Key"),
        )


class HttpSms:
    """The provider that the environment describes."""

    takes_key = True

    def __init__(self, provider: HttpProvider | None = None, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._provider = provider or _configured()
        self._wait = wait

    def send(self, phone: str, text: str, *, at: datetime, key: str = "") -> None:
        """Send, in up to three attempts. Raises ``NotSent``."""
        key = key or secrets.token_hex(16)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._try(phone, text, key)
            except NotSent as error:
                log.warning("attempt %d of a message to %s: %s", attempt, masked_phone(phone), error)
                if error.is_final or attempt == ATTEMPTS:
                    raise
                self._wait(BACKOFF_FIRST_S * 2 ** (attempt - 1) * (1 + secrets.randbelow(100) / 200))
            else:
                return

    def _try(self, phone: str, text: str, key: str) -> None:
        provider, values = self._provider, dict(zip(_PLACES, (phone, text, key), strict=True))
        # One pass over the template: what stands in the text is never taken for a place to fill in.
        place = re.compile("|".join(map(re.escape, _PLACES)))
        body = _mapped(provider.body, lambda template: place.sub(lambda match: values[match[0]], template))
        headers = {**provider.headers, provider.key_header: key}
        try:
            answer = _client().post(
                provider.url,
                json=body,
                headers=headers,
                timeout=httpx.Timeout(provider.timeout_s, connect=CONNECT_TIMEOUT_S),
            )
        except httpx.HTTPError as error:
            raise NotSent(f"no answer ({type(error).__name__})", is_final=False) from None
        if answer.status_code in _RETRIED_STATUS:
            raise NotSent(f"the provider answered {answer.status_code}", is_final=False)
        if not answer.is_success:
            raise NotSent(f"the provider answered {answer.status_code}", is_final=True)
        if provider.success != "status" and not _says(answer, provider.success):
            raise NotSent("the provider's answer does not say that it took the message", is_final=True)


@lru_cache(maxsize=1)
def _configured() -> HttpProvider:
    return HttpProvider.from_environment(os.environ)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    return httpx.Client(follow_redirects=False)  # a redirect would carry the secret and the phone elsewhere


def _says(answer: httpx.Response, rule: str) -> bool:
    path, _, wanted = rule.removeprefix("json:").partition("=")
    try:
        found: Any = answer.json()
    except ValueError:
        return False
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            return False
        found = found[name]
    return (json.dumps(found) if isinstance(found, bool) or found is None else str(found)) == wanted


def _json(environment: Mapping[str, str], name: str, otherwise: str) -> Any:
    try:
        return json.loads(environment.get(name, otherwise))
    except ValueError:
        raise ConfigurationWrong(f"{name} is not JSON") from None


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {name: _mapped(each, change) for name, each in value.items()}
    return value


def _with_secrets(text: str, environment: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise ConfigurationWrong(f"the configuration of messages names ${{{match[1]}}}, which is not set")
        return environment[match[1]]

    return _SECRET.sub(value, text)
