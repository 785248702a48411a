"""Walking every page there is, as every role, and looking at each in every language and print.

The routes come from the URL configuration; the addresses that fill their ids come from links on pages, and where no page links
to a route, from the running platform's database. A route that is no page stands in ``crawl_table.NOT_PAGES`` with its reason.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import Page

from tests.journeys.looking import ALL_WAYS, faults_of, see_at_once
from tests.properties.crawl_table import ALIKE, NOBODY_LINKS_TO, NOT_LINKED, NOT_PAGES, seeds_of
from tests.stack import Stack
from yikatong.accounts.roles import AREAS, PUBLIC

HREF = re.compile(r'\b(?:href|action)="([^"#]+)')
SENDING = re.compile(r'<form[^>]*method="post"[^>]*action="([^"#]+)')


@dataclass
class Crawl:
    """What one role found: for each route the addresses to look at, and what links led nowhere."""

    addresses: dict[str, list[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def all_routes(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[str]:
    """The full name of every route."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from all_routes(entry, ":".join(filter(None, [namespace, entry.namespace])))
        elif isinstance(entry, URLPattern):
            yield ":".join(filter(None, [namespace, entry.name]))


def routes_for(role: str) -> set[str]:
    """The pages a role is to be shown: those of its areas, and for a stranger the public ones."""
    if role == "stranger":
        return {name for name in all_routes() if name in PUBLIC} - set(NOT_PAGES) - {"account_logout"}
    areas = AREAS[role]
    mine = {name for name in all_routes() if ":" in name and name.split(":")[-2] in areas and name not in PUBLIC}
    everybody = {"account_logout"} | ({"portal:home"} if role == "resident" else {"mfa_index"})
    return (mine | everybody) - set(NOT_PAGES)


def _route_of(address: str) -> str | None:
    try:
        return resolve(urlsplit(address).path).view_name
    except Resolver404:
        return None


def _links_of(html: str, address: str, web: str) -> Iterator[str]:
    sending = set(SENDING.findall(html))
    for target in HREF.findall(html):
        whole = urljoin(address, unescape(target))
        if target not in sending and whole.startswith(web + "/") and not whole.startswith(f"{web}/static/"):
            yield whole


def crawl(page: Page, web: str, seeds: list[str]) -> Crawl:
    """Follow every link from ``seeds`` on, one address a route but for the seeds, as whoever is signed in on ``page``."""
    done = Crawl()
    chosen = {urljoin(web, seed) for seed in seeds}
    waiting = [urljoin(web, seed) for seed in seeds]
    seen: set[str] = set()
    while waiting:
        address = waiting.pop(0)
        route = _route_of(address)
        if address in seen or route is None or (route in NOT_PAGES and address not in chosen):
            continue
        if route in done.addresses and address not in chosen:
            continue
        seen.add(address)
        answer = page.request.get(address, max_redirects=0)
        if answer.status in {301, 302}:
            target = urljoin(address, answer.headers["location"])
            chosen |= {target} if address in chosen else set()
            waiting.append(target)
        elif answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/html"):
            done.broken.append(f"{address}: {answer.status} {answer.headers.get('content-type')}")
        else:
            done.addresses.setdefault(route, []).append(address)
            waiting += _links_of(answer.text(), address, web)
    return done


def faults_as(
    role: str, page: Page, stack: Stack, *, looked_at: set[str], also: Sequence[str] = (), met: Sequence[str] = ()
) -> list[str]:
    """Everything wrong that one role meets, starting from its seeds and ``also``.

    Left out: public pages and those alike for all staff that stand in ``looked_at`` (and are added), and addresses in ``met``,
    which the caller has looked at.
    """
    see_at_once(page)
    found = crawl(page, stack.web, [*seeds_of(role, stack), *also])
    known = {route for address in met if (route := _route_of(address))}
    wanted = routes_for(role) - NOT_LINKED.get(role, set()) - known
    faults = [f"{role}: broken link {one}" for one in found.broken]
    faults += [f"{role}: no page leads to {name}" for name in sorted(wanted - set(found.addresses))]
    for route, addresses in found.addresses.items():
        if route in looked_at or route in known:
            continue
        if route in PUBLIC | ALIKE:
            looked_at.add(route)
        for address in addresses:
            faults += [f"{role}: {fault}" for fault in faults_of(page, address, ways=ALL_WAYS)]
    for path in NOBODY_LINKS_TO:
        faults += [f"{role}: {fault}" for fault in faults_of(page, stack.web + path, status=404, ways=ALL_WAYS)]
    return faults
