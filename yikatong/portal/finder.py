"""The finder: what can I do with my card, and where. Open to everybody; who is signed in finds their own group chosen.

All filters stand in the address, so that a page can be kept and sent. A shared position comes rounded to about a hundred metres
and is not stored; the addresses of requests are not logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from yikatong.accounts.models import Role
from yikatong.city.guidance import Service, services_at
from yikatong.city.tariffs import load_metro_tariff
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.guide.coordinates import Point
from yikatong.guide.languages import in_language
from yikatong.guide.selectors import city_map, spots
from yikatong.guide.spots import PLACE_CATEGORIES, Around, Filters, Found, Near
from yikatong.portal.finder_kept import kept_places
from yikatong.portal.finder_map import map_of, overview
from yikatong.portal.finder_words import AREAS, CATEGORIES, FUNCTIONS, GROUPS, MEDIUMS, NEEDS
from yikatong.registry.selectors import find_person

PAGE_LENGTH = 20
OF_EACH_CATEGORY = 3
PAGE_MAX = 500
ASKED_BY = ("category", "district", "name", "near", "from", "page")
POSITION_DECIMALS = 3  # about a hundred metres


def _say(text_zh: str, text_en: str) -> str:
    return in_language(text_zh, text_en, get_language())


def _service_row(service: Service) -> dict[str, object]:
    language = get_language() or ""
    how = service.how_en if language.startswith("en") else service.how_zh
    return {
        "code": service.code,
        "name": _say(service.name_zh, service.name_en),
        "what": _say(service.what_zh, service.what_en),
        "how": [in_language(step, step, language) for step in how],
        "saves": _say(service.saves_zh, service.saves_en) if service.saves_zh else "",
        "needs": [NEEDS[need] for need in service.needs],
        "groups": [GROUPS[group] for group in service.groups],
        "medium": MEDIUMS[service.medium],
        "function": FUNCTIONS[service.function],
        "places": [(category, CATEGORIES[category]) for category in service.place_categories],
        "works_here": service.works_here,
        "is_unverified": service.is_assumption,
        "source": service.source,
        "effective_from": service.effective_from,
    }


def _own_group(request: HttpRequest) -> str:
    """The group of the signed-in resident; nothing for anybody else."""
    user = request.user
    if not user.is_authenticated or user.role != Role.RESIDENT or not user.person_id:
        return ""
    person = find_person(user.person_id)
    return person.category if person else ""


@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """What the card is good for, by group, need and medium."""
    own = _own_group(request)
    group = request.GET.get("group", own)
    need, medium = request.GET.get("need", ""), request.GET.get("medium", "")
    found = [
        service
        for service in services_at(beijing_day(utc_now())).values()
        if (group not in GROUPS or not service.groups or group in service.groups)
        and (need not in NEEDS or need in service.needs)
        and (medium not in {"card", "ecard"} or service.medium in {medium, "both"})
    ]
    context = {
        "services": [_service_row(service) for service in found],
        "groups": GROUPS.items(),
        "needs": NEEDS.items(),
        "group": group if group in GROUPS else "",
        "need": need if need in NEEDS else "",
        "medium": medium,
        "own_group": GROUPS.get(own, ""),
        "count": len(found),
    }
    return render(request, "portal/services.html", context)


@require_safe
def service(request: HttpRequest, code: str) -> HttpResponse:
    """One service in full."""
    found = services_at(beijing_day(utc_now())).get(code)
    if found is None:
        raise Http404
    return render(request, "portal/service.html", {"service": _service_row(found)})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where distances are measured from. ``point`` is missing for a street or community, whose place no source gives."""

    name: str
    point: Point | None
    spot: Found | None = None

    @property
    def is_shared(self) -> bool:
        """Whether it is the visitor's own position."""
        return self.spot is None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    filters: Filters
    near: str
    origin: Origin | None
    others: tuple[Found, ...]
    page: int
    parameters: Mapping[str, str]

    def address(self, **changes: object) -> str:
        """The query of a page that differs in these; empty values leave a parameter out."""
        kept = dict(self.parameters) | {name: str(value) for name, value in changes.items()}
        return urlencode({name: value for name, value in kept.items() if value})


def _asked(request: HttpRequest) -> Asked:
    given = request.GET
    index = spots()
    category, district = given.get("category", ""), given.get("district", "")
    name, near = given.get("name", "").strip()[:40], given.get("near", "").strip()[:40]
    filters = Filters(
        category if category in CATEGORIES else "", district if index.get(f"area:{district}") else "", name
    )
    parameters = {"category": filters.category, "district": filters.district_code, "name": name}
    chosen = index.get(given.get("from", ""))
    point = _shared_point(given.get("lng", ""), given.get("lat", ""))
    origin: Origin | None = None
    others: list[Found] = []
    if near:
        hits = index.named(near) or index.sounding(near)
        parameters["near"] = near
        if hits:
            origin, others = Origin(hits[0].name, hits[0].point, hits[0]), hits[1:]
    elif chosen is not None:
        origin = Origin(chosen.name, chosen.point, chosen)
        parameters["from"] = chosen.spot_id
    elif point is not None:
        origin = Origin(_("您的位置"), point)
        parameters |= {"lng": f"{point.lng}", "lat": f"{point.lat}"}
    page = given.get("page", "1")
    number = min(max(int(page), 1), PAGE_MAX) if page.isdecimal() and len(page) < 6 else 1
    return Asked(filters, near, origin, tuple(others), number, parameters)


def _shared_point(lng: str, lat: str) -> Point | None:
    """A position in and around the city, rounded; nothing for anything else."""
    try:
        point = Point(round(float(lng), POSITION_DECIMALS), round(float(lat), POSITION_DECIMALS))
    except ValueError:
        return None
    return point if 110 < point.lng < 122 and 36 < point.lat < 44 else None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place in a list; texts, because templates are slow with anything else."""

    number: str
    near: Near
    distance: str
    where: str
    name_en: str
    is_synthetic: bool
    is_internal: bool
    issues_instantly: bool

    @property
    def spot(self) -> Found:
        """The place itself."""
        return self.near.spot


@dataclass(frozen=True, slots=True)
class PlaceGroup:
    """Places of one category, or of one list. ``before``, ``after`` and ``whole``: queries of other pages."""

    category: str
    title: object
    total: int
    rows: list[PlaceRow]
    first: int = 0
    last: int = 0
    before: str | None = None
    after: str | None = None
    whole: str = ""


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Where the card is used: the nearest of each category, or a list of one, with a map."""
    if "lng" not in request.GET:
        key = (get_language() or "", *(request.GET.get(name, "") for name in ASKED_BY))
        found = kept_places.get((spots(), city_map()), key, lambda: _found(_asked(request)))
        return render(request, "portal/places.html", {"found": found})
    asked = _asked(request)  # nobody's position is kept
    if asked.origin and asked.origin.is_shared and _is_finer_than_kept(request, asked):
        return redirect(f"{request.path}?{asked.address()}")  # the page's own links and forms repeat its address
    return render(request, "portal/places.html", {"found": _found(asked)})


def _found(asked: Asked) -> SafeString:
    """The form, the map and the lists: all of the page that does not depend on who looks at it."""
    is_list = bool(asked.filters.category or asked.filters.name)
    is_open = not (is_list or asked.origin or asked.filters.district_code)
    groups = [] if is_open else [_list_of(asked)] if is_list else _some_of_each(asked)
    numbered = [(int(row.number), row.near) for group in groups for row in group.rows]
    origin = asked.origin
    point = origin.point if origin else None
    context = {
        "asked": asked,
        "groups": groups,
        "is_list": is_list,
        "origin": origin,
        "origin_kind": _kind_of(origin.spot) if origin and origin.spot else "",
        "others": [_other(asked, other) for other in asked.others[:5]],
        "categories": CATEGORIES.items(),
        "districts": [(district.code, district.name) for district in city_map().districts.districts],
        "map": overview(city_map(), spots()) if is_open else map_of(city_map(), numbered, point),
        "is_open": is_open,
        "counts": [(name, title, spots().counts()[name]) for name, title in CATEGORIES.items()] if is_open else [],
        "located": sum(near.spot.point is not None for _, near in numbered),
        "shown": len(numbered),
        "is_outside": point is not None and city_map().districts.probably(point) is None,
    }
    return render_to_string("portal/places_found.html", context)


def _is_finer_than_kept(request: HttpRequest, asked: Asked) -> bool:
    """Whether the address holds a shared position finer than we keep."""
    return any(request.GET.get(name) != asked.parameters[name] for name in ("lng", "lat"))


def _other(asked: Asked, spot: Found) -> dict[str, object]:
    """Another spot that may have been meant, and the query that measures from it."""
    district = "" if spot.category == "district" else _district_name(spot.district_code)
    query = asked.address(near="", **{"from": spot.spot_id})
    return {"name": spot.name, "kind": _kind_of(spot), "district": district, "query": query}


def _list_of(asked: Asked) -> PlaceGroup:
    start = (asked.page - 1) * PAGE_LENGTH
    found, total = spots().nearest(asked.filters, _around(asked.origin), start=start, count=PAGE_LENGTH)
    category, end = asked.filters.category, start + len(found)
    return PlaceGroup(
        category,
        CATEGORIES[category] if category else _("名称含“%(name)s”的地方") % {"name": asked.filters.name},
        total,
        _rows(found, start),
        first=start + 1,
        last=end,
        before=asked.address(page=asked.page - 1 if asked.page > 2 else "") if asked.page > 1 else None,
        after=asked.address(page=asked.page + 1) if end < total else None,
    )


def _some_of_each(asked: Asked) -> list[PlaceGroup]:
    groups: list[PlaceGroup] = []
    around, number = _around(asked.origin), 0
    for category in PLACE_CATEGORIES:
        filters = Filters(category, asked.filters.district_code)
        found, total = spots().nearest(filters, around, start=0, count=OF_EACH_CATEGORY)
        if found:
            query = asked.address(category=category)
            groups.append(PlaceGroup(category, CATEGORIES[category], total, _rows(found, number), whole=query))
            number += len(found)
    return groups


def _around(origin: Origin | None) -> Around:
    if origin is None:
        return Around()
    district, street = (origin.spot.district_code, origin.spot.street_code) if origin.spot else ("", "")
    if origin.point is None:
        return Around(None, district, street)
    if not district:
        probably = city_map().districts.probably(origin.point)
        district = probably.code if probably else ""
    name = origin.spot.name if origin.spot and origin.spot.category == "metro_station" else ""
    return Around(spots().distances_from(origin.point), district, street, name)


def _rows(found: list[Near], before: int) -> list[PlaceRow]:
    return [_row(near, number) for number, near in enumerate(found, start=before + 1)]


def _row(near: Near, number: int) -> PlaceRow:
    spot = near.spot
    where = "、".join(spot.details.get("lines", [])) or spot.address or _district_name(spot.district_code)
    return PlaceRow(
        str(number),
        near,
        distance_words(near.distance_m),
        where,
        _english_name(spot) if (get_language() or "").startswith("en") else "",
        spot.is_synthetic,
        spot.is_internal,
        bool(spot.details.get("issues_instantly", False)),
    )


def _english_name(spot: Found) -> str:
    """The English name, or how a station's or park's name is read; nothing for long names that a reading would not help."""
    if spot.aliases:
        return spot.aliases.split("；")[0]
    return spot.pinyin.replace(" ", "").capitalize() if spot.category in {"metro_station", "park"} else ""


def _kind_of(spot: Found) -> object:
    return CATEGORIES.get(spot.category) or AREAS[spot.category]


def _district_name(code: str) -> str:
    found = spots().get(f"area:{code}") if code else None
    return found.name if found else ""


def distance_words(distance_m: float | None) -> str:
    """A distance as people say it: tens of metres below one kilometre, then tenths of a kilometre."""
    if distance_m is None:
        return ""
    if distance_m < 5:
        return _("就是这里")
    if distance_m < 995:
        return _("%(n)s 米") % {"n": max(10, round(distance_m / 10) * 10)}
    return _("%(n)s 公里") % {"n": f"{distance_m / 1000:.1f}"}


@require_safe
def place(request: HttpRequest, place_id: str) -> HttpResponse:
    """One place: what the card does there, and what is known of it."""
    spot = spots().get(place_id)
    if spot is None or spot.is_area:
        raise Http404
    fitting = [each for each in services_at(beijing_day(utc_now())).values() if spot.category in each.place_categories]
    context = {
        "spot": spot,
        "row": _row(Near(spot, None), 1),
        "kind": _kind_of(spot),
        "district": _district_name(spot.district_code),
        "services": [_service_row(each) for each in fitting],
        "map": map_of(city_map(), [(1, Near(spot, 0.0))], None) if spot.point else None,
        "details": spot.details,
        "is_early_bird": spot.category == "metro_station" and spot.name in _early_bird_stations(),
        "around": urlencode({"from": spot.spot_id}),
    }
    return render(request, "portal/place.html", context)


def _early_bird_stations() -> frozenset[str]:
    early = load_metro_tariff(on=beijing_day(utc_now())).early_bird
    return frozenset(early.stations) if early else frozenset()
