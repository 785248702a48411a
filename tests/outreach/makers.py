"""A street with a helper, a tablet and people to call on. Nobody here exists."""

import base64
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import msgspec
from PIL import Image

from tests.campaign.world import COMMUNITY, make_city
from tests.cast import NOON, make_person
from tests.faces import drawn_photo
from yikatong.audit.actors import Actor
from yikatong.city.models import Division
from yikatong.foundation.identifiers import new_uuid7
from yikatong.outreach import devices, planning, uploads
from yikatong.outreach.completed import Completed, read_completed
from yikatong.outreach.models import Device, HomeApplication, Visit
from yikatong.outreach.packages import make_package
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

STREET, OTHER_STREET = COMMUNITY[:9], "110101002"
BY, CENTRE = Actor("outreach", "helper"), Actor("staff", "centre")
ADDRESS = "某街某巷十二号院"


@dataclass
class World:
    """The helper's tablet."""

    device: Device
    token: str


def make_world() -> World:
    """Two banks, one street with a helper, another one without."""
    make_city("ABC", "ICBC")
    for code, level in ((OTHER_STREET, "street"), (f"{OTHER_STREET}001", "community")):
        Division.objects.create(
            code=code, level=level, name=code, parent_code=code[:9], district_code="110101", source="test"
        )
    planning.assign_helper("helper", STREET, by=CENTRE, at=NOON)
    device, token = devices.register("helper", "二号平板", by=BY, at=NOON)
    return World(device, token)


def make_retiree(serial: int, *, needs_visit: bool = True, community: str = COMMUNITY, **changes: Any) -> Person:
    """Somebody over seventy with a pension at ICBC and a name of their own."""
    person = make_person(serial, born=date(1950, 3, 2), category="retiree")
    fields = {"needs_home_visit": needs_visit, "community_code": community, "pension_bank_code": "ICBC", **changes}
    Person.objects.filter(pk=person.pk).update(name_sealed=field_cipher().seal("name", f"赵乙{serial}"), **fields)
    person.refresh_from_db()
    return person


def packaged(world: World, *, at: datetime = NOON) -> dict[str, Any]:
    return make_package(world.device, by=BY, at=at)


def visit_of(person: Person) -> Visit:
    return Visit.objects.filter(person_id=person.person_id).latest("asked_at")


def jpeg(width: int = 716, height: int = 882) -> str:
    """A drawn face in base64."""
    return _encoded(drawn_photo((width, height)), "JPEG")


def signature() -> str:
    return _encoded(Image.new("RGB", (300, 100), "white"), "PNG")


def _encoded(picture: Image.Image, kind: str) -> str:
    out = BytesIO()
    picture.save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


def content_for(visit_id: UUID, **changes: Any) -> dict[str, Any]:
    """What a tablet sends of a visit that went well."""
    return {
        "application_id": str(new_uuid7()),
        "visit_id": str(visit_id),
        "identified_at": NOON.isoformat(),
        "shown_banks": ["ICBC", "ABC"],
        "shown_at": NOON.isoformat(),
        "consents_to_application": True,
        "consents_to_photo": True,
        "bank_code": "ICBC",
        "collection": "post",
        "outlet_id": "",
        "address": ADDRESS,
        "photo": jpeg(),
        "signature_way": "drawn",
        "signature": signature(),
        "signature_note": "",
        "notes": "大女儿陪同",
        "has_seen_phone": False,
        "completed_at": NOON.isoformat(),
    } | changes


def completed(person: Person, **changes: Any) -> Completed:
    return read_completed(msgspec.json.encode(content_for(visit_of(person).visit_id, **changes)))


def bring(world: World, person: Person, *, at: datetime = NOON, **changes: Any) -> HomeApplication:
    return uploads.take_in(completed(person, **changes), device=world.device, by=BY, at=at)
