"""Delegations made in person: both stand before staff with their documents; staff record what they have seen.

For bank clerks, the card centre and outreach helpers. Both identity numbers are typed from the documents; what was seen is kept
sealed with the delegation and who recorded it in the audit trail.
"""

from datetime import date
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor, ActorKind
from yikatong.audit.services import record
from yikatong.delegation.rules import Act, Reason
from yikatong.delegation.selectors import delegations_by
from yikatong.delegation.services import Terms, record_in_person, revoke
from yikatong.delegation.words import ACT_WORDS
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.selectors import find_person_by_identity_number, masked_view
from yikatong.workbench.delegation_words import DELEGATION_REFUSALS

_KINDS: dict[str, ActorKind] = {Role.BANK_CLERK: "clerk", Role.CARD_CENTRE: "staff", Role.OUTREACH: "outreach"}


def _actor(request: HttpRequest) -> Actor:
    user = request.user
    if not isinstance(user, User) or user.role not in _KINDS:
        raise Http404
    return Actor(_KINDS[user.role], user.get_username())


@require_http_methods(["GET", "POST"])
def in_person(request: HttpRequest) -> HttpResponse:
    """Record one, or end one, for the person whose document is typed."""
    by = _actor(request)
    context: dict[str, object] = _form(request)
    if request.method == "GET":
        return render(request, "workbench/delegations.html", context)
    try:
        principal = _by_document(request, "principal_number")
        if request.POST.get("action") == "find":
            record(
                "person.shown",
                subject=f"person:{principal.person_id}",
                by=by,
                at=utc_now(),
                person_id=principal.person_id,
            )
        elif request.POST.get("action") == "revoke":
            revoke(_number(request), principal_person_id=principal.person_id, by=by, at=utc_now())
            context["done"] = _("委托已经结束。")
        else:
            agent = _by_document(request, "agent_number")
            record_in_person(
                principal.person_id,
                agent.person_id,
                Terms(acts=tuple(request.POST.getlist("acts")), until=_until(request)),
                delegation_id=_number(request),
                evidence=request.POST.get("evidence", ""),
                by=by,
                at=utc_now(),
            )
            context["done"] = _("委托已登记，已发短信告知委托人。")
    except Refused as refused:
        context["error"] = str(DELEGATION_REFUSALS.get(str(refused.reason), str(refused)))
        return render(request, "workbench/delegations.html", context, status=422)
    return render(request, "workbench/delegations.html", context | _standing(principal))


def _by_document(request: HttpRequest, field: str) -> Person:
    person = find_person_by_identity_number(request.POST.get(field, ""))
    if person is None:
        raise Refused(Reason.PERSON_UNKNOWN)
    return person


def _number(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("delegation_id", ""))
    except ValueError as error:
        raise Http404 from error


def _until(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(request.POST.get("until", ""))
    except ValueError as error:
        raise Refused(Reason.UNTIL_WRONG) from error


def _form(request: HttpRequest) -> dict[str, object]:
    answers, today = request.POST, beijing_day(utc_now())
    chosen = answers.getlist("acts")
    return {
        "principal_number": answers.get("principal_number", ""),
        "agent_number": answers.get("agent_number", ""),
        "acts": [(str(act), words, str(act) in chosen) for act, words in ACT_WORDS.items()],
        "until": answers.get("until") or today.replace(year=today.year + 1, day=min(today.day, 28)).isoformat(),
        "evidence": answers.get("evidence", ""),
        "delegation_id": answers.get("delegation_id") or uuid4(),
    }


def _standing(principal: Person) -> dict[str, object]:
    given = delegations_by(principal.person_id, beijing_day(utc_now()))
    people = Person.objects.in_bulk([one.agent_person_id for one in given])
    return {
        "principal": masked_view(principal).name,
        "standing": [
            {
                "delegation": one,
                "name": masked_view(people[one.agent_person_id]).name,
                "acts": [ACT_WORDS[act] for act in Act if act in one.acts],
            }
            for one in given
        ],
    }
