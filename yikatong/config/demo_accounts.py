"""One sign-in per role for a demonstration, made once and kept in a file of mode 0600. Refused in production."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Count, F, OuterRef, Subquery

from yikatong.accounts.models import Role, User
from yikatong.banks.models import Outlet
from yikatong.config.demo_outreach import ensure_demo_helper
from yikatong.foundation.clock import utc_now
from yikatong.registry.models import InsuredCategory, Membership, Organisation, Person
from yikatong.registry.selectors import clear_view

STAFF = (
    ("clerk", Role.BANK_CLERK),
    ("clerk2", Role.BANK_CLERK),
    ("kiosk", Role.KIOSK),
    ("centre", Role.CARD_CENTRE),
    ("metro", Role.OPERATOR),
    ("auditor", Role.AUDITOR),
    ("unit", Role.UNIT),
    ("school", Role.UNIT),
    ("helper", Role.OUTREACH),
    ("centre2", Role.CARD_CENTRE),  # what takes two people takes two sign-ins
    ("admin", Role.ADMINISTRATOR),
    ("admin2", Role.ADMINISTRATOR),
)


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """How to sign in as one role. Residents have a phone and the end of an identity number, staff a password."""

    role: str
    user: str
    secret: str


def ensure_demo_accounts(file: Path, *, operator_code: str) -> list[DemoSignIn]:
    """The sign-ins, made at the first call. Raises ``RuntimeError`` in production or on an empty register."""
    if settings.IS_PRODUCTION:
        raise RuntimeError("demo accounts are not made with YIKATONG_ENV=production")
    passwords: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    outlet = demo_outlet()
    for name, role in STAFF:
        user, is_new = User.objects.get_or_create(username=name, defaults={"role": role})
        if is_new or name not in passwords:  # a known one is not checked: that takes as long as setting it
            passwords.setdefault(name, secrets.token_urlsafe(12))
            user.set_password(passwords[name])
        user.outlet_id = outlet.outlet_id if role == Role.BANK_CLERK else ""
        user.operator_code = operator_code if role == Role.OPERATOR else ""
        if role == Role.UNIT and not user.organisation_code:
            user.organisation_code = demo_organisation("school" if name == "school" else "employer").credit_code
        user.save()
    ensure_demo_helper(outlet.bank_id, at=utc_now())
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as opened:
        json.dump(passwords, opened, indent=1)
    return [_resident(), *(DemoSignIn(role, name, passwords[name]) for name, role in STAFF)]


def demo_outlet() -> Outlet:
    """The outlet of the bank clerk: a real branch, the same at every start."""
    real = Outlet.objects.filter(is_synthetic=False, bank_id="ICBC").exclude(district_code="").order_by("outlet_id")
    outlet = real.first() or Outlet.objects.order_by("outlet_id").first()
    if outlet is None:
        raise RuntimeError("there are no outlets; run yikatong city load")
    return outlet


def demo_organisation(kind: str) -> Organisation:
    """The employer or school of a unit's clerk: the one that most people belong to."""
    members = Membership.objects.filter(organisation_code=OuterRef("credit_code"), until=None).order_by()
    counted = members.values("organisation_code").annotate(people=Count("person_id")).values("people")
    found = Organisation.objects.filter(kind=kind).annotate(people=Subquery(counted))
    organisation = found.order_by(F("people").desc(nulls_last=True), "credit_code").first()
    if organisation is None:
        raise RuntimeError(f"the register has no {kind}; import organisations")
    return organisation


def _resident() -> DemoSignIn:
    """An adult who may choose any bank, holds an older card, and shares the phone with nobody."""
    born_before = utc_now().date() - timedelta(days=365 * 30)
    people = Person.objects.filter(
        category__in=[InsuredCategory.EMPLOYEE, InsuredCategory.FLEXIBLE],
        older_card_generation=2,
        phone_index__isnull=False,
        birth_date__lt=born_before,
    ).order_by("person_id")
    for person in people[:200]:
        if Person.objects.filter(phone_index=person.phone_index).count() == 1:
            view = clear_view(person)
            return DemoSignIn(Role.RESIDENT, view.phone, view.identity_number[-4:])
    raise RuntimeError("the register has no resident fit for the demonstration; import more persons")
