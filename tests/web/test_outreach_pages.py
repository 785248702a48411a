"""The helper's app and the card centre's outreach pages over HTTP: what a device needs to be let in, and what it is told."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.cast import CLERK, application_for, make_bank
from tests.outreach.makers import BY, CENTRE, World, content_for, make_retiree, make_world, visit_of
from yikatong.accounts.models import Role, User
from yikatong.applications.models import Application
from yikatong.applications.services import submit
from yikatong.foundation.clock import utc_now
from yikatong.outreach import devices, planning
from yikatong.outreach.models import Device, HomeApplication, Visit
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
APP = "/work/outreach/"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def helper() -> Client:
    return _client("helper", Role.OUTREACH)


def _client(username: str, role: Role, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(User.objects.create(username=username, role=role))
    return client


def _post(client: Client, path: str, content: object, world: World | None = None) -> tuple[int, dict[str, Any]]:
    header = {"HTTP_X_DEVICE": f"{world.device.device_id} {world.token}"} if world else {}
    reply = client.post(f"{APP}api/{path}", json.dumps(content), content_type="application/json", **header)  # type: ignore[arg-type]
    assert reply["Cache-Control"] == "no-store"
    return reply.status_code, reply.json()


def _downloaded(client: Client, world: World, person: Person) -> Visit:
    status, package = _post(client, "package/", {}, world)
    assert (status, len(package["visits"])) == (200, 1)
    return visit_of(person)


def test_a_device_is_registered_and_brings_an_application(helper: Client, world: World) -> None:
    person = make_retiree(1)
    status, device = _post(helper, "devices/", {"name": "三号平板"})
    assert status == 200
    mine = World(Device.objects.get(device_id=device["device_id"]), device["token"])
    content = content_for(_downloaded(helper, mine, person).visit_id)
    status, answer = _post(helper, "applications/", content, mine)
    assert (status, answer["outcome"]) == (200, "accepted")
    assert "最迟" in answer["said"]
    assert _post(helper, "applications/", content, mine) == (200, answer)
    assert Application.objects.count() == 1


def test_a_conflict_is_told_with_both_sides_and_decided(helper: Client, world: World) -> None:
    person = make_retiree(1)
    content = content_for(_downloaded(helper, world, person).visit_id)
    submit(application_for(person, make_bank("ABC")), by=CLERK, at=utc_now())
    status, answer = _post(helper, "applications/", content, world)
    assert (status, answer["outcome"]) == (200, "conflict")
    assert "银行：ICBC" in answer["ours"]
    assert "银行：ABC" in answer["theirs"]
    path = f"cases/{answer['application_id']}/"
    assert _post(helper, path, {"action": "burn"}, world)[0] == 422
    assert _post(helper, path, {"action": "leave"}, world) == (200, {"outcome": "noted"})
    assert _post(helper, path, {"action": "leave"}, world) == (200, {"outcome": "noted"})
    assert _post(helper, path, {"action": "discard"}, world)[1]["reason"] == "case_closed"
    assert _post(helper, f"cases/{uuid4()}/", {"action": "leave"}, world)[1]["reason"] == "case_unknown"


def test_a_lost_device_is_shut_out_and_told_to_wipe_itself(helper: Client, world: World) -> None:
    person, standing = make_retiree(1), f"{APP}standing/{world.device.device_id}/"
    content = content_for(_downloaded(helper, world, person).visit_id)
    assert Client().get(standing).json() == {"wipe": False}
    page = helper.post(f"{APP}devices/", {"device_id": str(world.device.device_id)}, follow=True)
    assert "报告遗失" in page.content.decode()
    for path, body in (("package/", {}), ("applications/", content), (f"visits/{uuid4()}/", {})):
        status, answer = _post(helper, path, body, world)
        assert (status, answer["reason"], answer["wipe"]) == (410, "device_lost", "1")
    assert Application.objects.count() == 0
    assert Client().get(standing).json() == {"wipe": True}
    assert Client().get(f"{APP}standing/{uuid4()}/").json() == {"wipe": False}
    told = Device.objects.get().told_to_wipe_at
    assert told is not None
    Client().get(standing)
    assert Device.objects.get().told_to_wipe_at == told


def test_a_device_needs_its_token_and_its_helper(helper: Client, world: World) -> None:
    stranger = _client("second", Role.OUTREACH)
    for client, given in (
        (helper, World(world.device, "guessed")),
        (helper, World(Device(device_id=uuid4()), world.token)),
        (helper, None),
        (stranger, world),
    ):
        assert _post(client, "package/", {}, given)[0] == 401
    assert stranger.post(f"{APP}devices/", {"device_id": str(world.device.device_id)}).status_code == 422
    assert Device.objects.get().lost_at is None


def test_a_request_without_the_forgery_token_is_refused(world: World) -> None:
    careful = _client("helper", Role.OUTREACH, enforce_csrf_checks=True)
    header = {"HTTP_X_DEVICE": f"{world.device.device_id} {world.token}"}
    for path in ("devices/", "package/", "applications/"):
        reply = careful.post(f"{APP}api/{path}", "{}", content_type="application/json", **header)  # type: ignore[arg-type]
        assert reply.status_code == 403
    token = careful.get(f"{APP}api/session/").json()["csrf"]
    reply = careful.post(f"{APP}api/package/", "{}", content_type="application/json", HTTP_X_CSRFTOKEN=token, **header)  # type: ignore[arg-type]
    assert reply.status_code == 200


def test_without_a_session_the_device_is_sent_to_sign_in(world: World) -> None:
    header = {"HTTP_X_DEVICE": f"{world.device.device_id} {world.token}"}
    assert Client().post(f"{APP}api/package/", "{}", content_type="application/json", **header).status_code == 302  # type: ignore[arg-type]


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"'])
def test_nonsense_is_refused_in_words(helper: Client, world: World, body: str) -> None:
    header = {"HTTP_X_DEVICE": f"{world.device.device_id} {world.token}"}
    reply = helper.post(f"{APP}api/applications/", body, content_type="application/json", **header)  # type: ignore[arg-type]
    assert (reply.status_code, reply.json()["reason"]) == (422, "malformed")


def test_the_shell_is_the_same_for_everybody_and_holds_nothing_of_anybody(helper: Client, world: World) -> None:
    person = make_retiree(1)
    _downloaded(helper, world, person)
    mine, others = (client.get(APP).content.decode() for client in (helper, _client("second", Role.OUTREACH)))
    assert mine == others
    assert clear_view(person).name not in mine
    assert "csrf" not in mine.lower()
    assert "<script>" not in mine
    worker = helper.get(f"{APP}sw.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert "/api/" not in worker.content.decode()


def test_the_card_centre_sees_streets_devices_and_cases(helper: Client, world: World) -> None:
    centre = _client("centre", Role.CARD_CENTRE)
    assert "今天还没有下发走访" in centre.get("/work/staff/outreach/").content.decode()
    person = make_retiree(1, needs_visit=False)
    number = clear_view(person).identity_number
    asked = centre.post("/work/staff/outreach/ask/", {"identity_number": number}, follow=True)
    assert "已列入" in asked.content.decode()
    wrong = centre.post("/work/staff/outreach/ask/", {"identity_number": "119901190001010000"})
    assert wrong.status_code == 422
    content = content_for(_downloaded(helper, world, person).visit_id)
    Person.objects.filter(pk=person.pk).update(category="resident")
    _post(helper, "applications/", content, world)
    page = centre.get("/work/staff/outreach/").content.decode()
    assert "东华门街道" in page
    assert "参保类别已经改变" in page
    assert clear_view(person).name not in page
    case = HomeApplication.objects.get()
    address = f"/work/staff/outreach/cases/{case.person_id}/{case.application_id}/"
    shown = centre.get(address).content.decode()
    assert "大女儿陪同" in shown
    assert number not in shown
    assert centre.post(address, {"action": "apply"}).status_code == 302
    assert Application.objects.get().channel == "outreach"
    assert centre.get(f"/work/staff/outreach/cases/{case.person_id}/{uuid4()}/").status_code == 404
    lost = centre.post("/work/staff/outreach/", {"device_id": str(world.device.device_id)}, follow=True)
    assert "报告遗失" in lost.content.decode()
    assert Device.objects.get().lost_by == "staff:centre"


def test_what_the_centre_cannot_apply_for_is_told(helper: Client, world: World) -> None:
    centre, person = _client("centre", Role.CARD_CENTRE), make_retiree(1)
    content = content_for(_downloaded(helper, world, person).visit_id)
    submit(application_for(person, make_bank("ABC")), by=CLERK, at=utc_now())
    _post(helper, "applications/", content, world)
    case = HomeApplication.objects.get()
    address = f"/work/staff/outreach/cases/{case.person_id}/{case.application_id}/"
    refused = centre.post(address, {"action": "apply"})
    assert refused.status_code == 422
    assert "已经有一份办理中的申请" in refused.content.decode()
    assert centre.post(address, {"action": "close"}).status_code == 302
    assert HomeApplication.objects.get().state == "settled"


def test_a_helper_has_so_many_devices_and_no_more(world: World) -> None:
    for number in range(4):
        devices.register("helper", f"{number}", by=BY, at=utc_now())
    helper = _client("helper", Role.OUTREACH)
    assert _post(helper, "devices/", {"name": "x"})[1]["reason"] == "too_many_devices"
    devices.report_lost(world.device.device_id, by=CENTRE, at=utc_now())
    assert _post(helper, "devices/", {"name": "x"})[0] == 200
    planning.Helper.objects.all().delete()
    assert _post(helper, "devices/", {"name": "x"})[1]["reason"] == "not_a_helper"
