"""A person with a plain HTTP client: fills in the forms of a page and sends them, as often as it takes.

Used where processes are being killed: a browser would show an error page, a person would press the button again.
"""

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

import httpx

PATIENCE_S = 90
type Files = dict[str, tuple[str, bytes, str]]
"""By field: name, content and kind of a file."""


@dataclass
class Form:
    """A form as found: where it goes and what it holds already."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(values.get("action", ""), values.get("method", "get").lower()))
        elif tag in {"input", "select", "textarea", "button"} and self.found and values.get("name"):
            form = self.found[-1]
            form.names.add(values["name"] + ("=" + values["value"] if tag == "button" else ""))
            if tag == "input" and values.get("type") in {"hidden", "text", "tel"}:
                form.fields[values["name"]] = values.get("value", "")


def forms_in(page: str) -> list[Form]:
    """Every form of a page."""
    parser = _Forms()
    parser.feed(page)
    return parser.found


class Visitor:
    """One person's session."""

    def __init__(self, web: str) -> None:
        self._http = httpx.Client(base_url=web, timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> httpx.Response:
        """Open a page, again and again while the platform is being restarted."""
        return self._patiently("GET", path, None)

    def send(
        self, page: httpx.Response, field_name: str, answers: dict[str, str], files: Files | None = None
    ) -> httpx.Response:
        """Fill in the form of ``page`` that has ``field_name`` and send it, again while there is no sensible answer."""
        form = next(form for form in forms_in(page.text) if field_name in form.names)
        target = form.action or str(page.url)
        return self._patiently("POST", target, form.fields | answers, referer=str(page.url), files=files)

    def _patiently(
        self,
        method: str,
        path: str,
        data: dict[str, str] | None,
        *,
        referer: str = "",
        files: Files | None = None,
    ) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                headers = {"Referer": referer} if referer else None
                answer = self._http.request(method, path, data=data, files=files, headers=headers)
                if answer.is_redirect:  # what was sent has arrived; only the next page is asked for again
                    return self._patiently("GET", str(answer.url.join(answer.headers["Location"])), None)
                if answer.status_code < 500:
                    return answer
                problem = f"{answer.status_code} at {answer.url}"
            except httpx.TransportError as error:
                problem = f"{type(error).__name__} at {path}"
            assert time.monotonic() < deadline, problem
            time.sleep(0.2)
