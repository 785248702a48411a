"""Something on every page: what residents and staff have asked for and not yet finished, so that no list is empty.

Made through the platform's own services, in a process of its own that uses the demo's database and keys::

    python -m tests.properties.crawl_world [work]
"""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from tests.stack import Stack

ROOT = Path(__file__).resolve().parent.parent.parent


def make_world(stack: Stack, *parts: str) -> None:
    """Run this module against a running demo."""
    command = [sys.executable, "-m", "tests.properties.crawl_world", *parts]
    made = subprocess.run(
        command, env=stack.environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert made.returncode == 0, made.stderr


def _main(parts: list[str]) -> None:
    from yikatong.config.django import set_up_django
    from yikatong.database.connection import ensure_database

    ensure_database()
    set_up_django()
    _resident_asks()
    if "work" in parts:
        _staff_ask()
        _home_application_in_conflict()


def _resident_asks() -> None:
    """A right given to another grown-up, and something to be put right."""
    from yikatong.audit.actors import Actor
    from yikatong.consent import requests
    from yikatong.delegation.rules import Act
    from yikatong.delegation.services import Terms, give
    from yikatong.foundation.clock import beijing_day, utc_now
    from yikatong.registry.models import Person

    at, me = utc_now(), _demo_resident()
    by = Actor("resident", str(me))
    friend = Person.objects.filter(category="employee", phone_index__isnull=False).exclude(person_id=me)[0]
    terms = Terms(acts=(Act.COLLECT,), until=beijing_day(at) + timedelta(days=90))
    give(me, friend.person_id, terms, delegation_id=uuid4(), by=by, at=at)
    text = "请更正登记的民族"
    requests.ask(me, uuid4(), kind="correct", text=text, by_person_id=me, by=by, at=at)


def _staff_ask() -> None:
    """Approvals, exports, a dispatch, a change of capacity, and cases of what was complained about."""
    from yikatong.accounts.models import User
    from yikatong.approvals.services import ask
    from yikatong.audit.actors import Actor
    from yikatong.banks.models import Outlet
    from yikatong.campaign.capacities import Kind, record_change
    from yikatong.cases.services import look_for_cases
    from yikatong.exports import services as exports
    from yikatong.foundation.clock import beijing_day, utc_now
    from yikatong.messaging import dispatching
    from yikatong.messaging.audience import Audience
    from yikatong.messaging.template_store import save

    at, me, by = utc_now(), _demo_resident(), Actor("staff", "centre")
    centre, auditor, admin = (User.objects.get(username=name) for name in ("centre", "auditor", "admin"))
    phone = {"person_id": me, "phone": "10999990001"}
    why = "本人到窗口出示身份证"
    ask("person.phone", phone, request_id=uuid4(), subject=f"person:{me}", reason=why, by=centre, at=at, person_id=me)
    kiosk = {"username": "kiosk9", "role": "kiosk"}
    ask("account.create", kiosk, request_id=uuid4(), subject="account:kiosk9", reason="新增自助机", by=admin, at=at)
    exports.ask("cards", {}, by=centre, at=at)
    exports.ask("audit", {}, by=auditor, at=at)
    texts = {
        "title": "换发提示",
        "chinese": "{salutation}，{who}的第三代社保卡可以申请了：{portal}",
        "english": "{who}: {portal}",
    }
    template, audience = save(uuid4(), **texts, based_on=0, by=centre, at=at), Audience(age_from=60)
    dispatching.make(uuid4(), template_id=template.template_id, audience=audience, per_minute=40, by=centre, at=at)
    day = beijing_day(at) + timedelta(days=30)
    outlet = Outlet.objects.order_by("outlet_id")[0].outlet_id
    record_change(Kind.OUTLET_CLOSED, outlet, 0, day, day + timedelta(days=2), "网点装修停业", by=by, at=at)
    look_for_cases(at=at)


def _home_application_in_conflict() -> None:
    """A helper brings the application of somebody who has applied in the meantime."""
    import msgspec

    from tests.cast import application_for
    from tests.outreach.makers import content_for
    from yikatong.applications.services import submit
    from yikatong.audit.actors import Actor
    from yikatong.banks.models import Outlet
    from yikatong.foundation.clock import utc_now
    from yikatong.outreach import devices, uploads
    from yikatong.outreach.completed import read_completed
    from yikatong.outreach.models import Visit
    from yikatong.outreach.packages import make_package
    from yikatong.registry.models import Person

    at, by = utc_now(), Actor("outreach", "helper")
    device, _ = devices.register("helper", "二号平板", by=by, at=at)
    make_package(device, by=by, at=at)
    visit = Visit.objects.filter(helper="helper", state="planned").order_by("person_id")[0]
    person = Person.objects.get(person_id=visit.person_id)
    bank = person.pension_bank_code or "ICBC"
    outlet = Outlet.objects.filter(bank_id=bank)[0]
    submit(application_for(person, outlet), by=Actor("resident", str(person.person_id)), at=at)
    moments = dict.fromkeys(("identified_at", "shown_at", "completed_at"), at.isoformat())
    content = content_for(visit.visit_id, bank_code=bank, shown_banks=[bank], **moments)
    uploads.take_in(read_completed(msgspec.json.encode(content)), device=device, by=by, at=at)


def _demo_resident() -> int:
    from yikatong.accounts.models import User

    return int(User.objects.filter(role="resident", person_id__isnull=False).order_by("id")[0].person_id or 0)


if __name__ == "__main__":
    _main(sys.argv[1:])
