"""What anybody may see of the order of the banks: each day's digest before the day, its seed and its record after it."""

from datetime import date, timedelta

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from yikatong.banks.selectors import publication_of, seed_notices
from yikatong.banks.services import COMMITTED_DAYS_AHEAD
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused

DAYS_BACK = 30


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """The digests of the coming days, and of the last month with their seeds; newest first."""
    since = beijing_day(utc_now()) - timedelta(days=DAYS_BACK)
    found = seed_notices(since, days=DAYS_BACK + 1 + COMMITTED_DAYS_AHEAD)
    return render(request, "portal/fairness.html", {"notices": found[::-1]})


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def record(request: HttpRequest, day: str) -> HttpResponse:
    """A past day's record, for ``yikatong fairness verify --file``: seed, banks and every order under pseudonyms."""
    try:
        publication = publication_of(date.fromisoformat(day))
    except (ValueError, Refused) as error:
        raise Http404 from error
    answer = JsonResponse(publication, json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="bank-order-{publication["day"]}.json"'
    return answer
