"""The electronic card's pages over HTTP: whose card, what is in clear, what the kept page holds, and what stops it."""

import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client

from tests.acceptance.makers import MINUTE
from tests.cast import CLERK, active_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.delegation.rules import Act
from yikatong.delegation.services import Terms, give, revoke
from yikatong.ecard import services
from yikatong.ecard.models import Device
from yikatong.foundation.clock import utc_now
from yikatong.foundation.device_labels import device_label
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance import services as issuance
from yikatong.issuance.models import Card
from yikatong.portal.code_offline import ASSETS
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Person:
    """With a card in use."""
    person = make_person(1)
    active_card(person, make_bank(), at=utc_now())
    return person


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(
        User.objects.create(username=f"r{person.person_id}", role=Role.RESIDENT, person_id=person.person_id)
    )
    return client


def enrolled(client: Client, query: str = "", key: PrivateKey | None = None) -> tuple[int, dict[str, object]]:
    public = (key or PrivateKey.generate()).public.compressed.hex()
    agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"}
    answer = client.post(
        f"/code/device/{query}", json.dumps({"public_key": public}), content_type="application/json", headers=agent
    )
    return answer.status_code, answer.json()


def test_the_number_is_masked_until_asked_for(person: Person) -> None:
    client, card = signed_in(person), Card.objects.get(person_id=person.person_id, generation=3)
    masked, clear = client.get("/code/").content.decode(), client.get("/code/?number=1").content.decode()
    assert card.card_number not in masked
    assert f"{card.card_number[0]}*****{card.card_number[-3:]}" in masked
    assert card.card_number in clear


def test_the_kept_page_and_the_worker_hold_nothing_of_anybody(person: Person) -> None:
    client, card = signed_in(person), Card.objects.get(person_id=person.person_id, generation=3)
    shell, worker = client.get("/code/shell/"), client.get("/code/worker.js")
    for answer in (shell, worker):
        text = answer.content.decode()
        for personal in (clear_view(person).name, card.card_number, card.card_number[-3:], f'"{card.card_id}"', "csrf"):
            assert personal not in text
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "no-cache" in worker.headers["Cache-Control"]
    assert "default-src 'self'" in worker.headers["Content-Security-Policy"]
    assert "Service-Worker-Allowed" not in worker.headers, "the scope is no wider than its folder"


def test_all_that_the_kept_page_asks_for_is_kept(person: Person) -> None:
    shell = signed_in(person).get("/code/shell/").content.decode()
    asked = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', shell))
    assert asked <= {static(name) for name in ASSETS}
    for name in ASSETS:
        found = finders.find(name)
        assert isinstance(found, str)
        assert "url(" not in Path(found).read_text(encoding="utf-8"), "what a style asks for would have to be kept too"


def test_enrolling_tells_the_phone_what_it_shows_without_network(person: Person) -> None:
    card = Card.objects.get(person_id=person.person_id, generation=3)
    status, told = enrolled(signed_in(person))
    assert (status, told["name"], told["number"]) == (200, clear_view(person).name, card.card_number)
    assert abs(int(str(told["now_s"])) - utc_now().timestamp()) < MINUTE.total_seconds()
    assert Device.objects.get().label == "Android · Chrome"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"public_key": 7}', b'{"public_key": "zz"}', b"\xff"])
def test_what_is_no_key_is_refused(person: Person, body: bytes) -> None:
    answer = signed_in(person).post("/code/device/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["reason"]) == (400, "device_key_invalid")


def test_a_guardian_shows_the_childs_card_and_nobody_elses(person: Person) -> None:
    child, stranger = make_person(2), make_person(3)
    for each in (child, stranger):
        active_card(each, make_bank(), at=utc_now())
    make_guardian(child, person)
    client = signed_in(person)
    page = client.get(f"/code/?for={child.person_id}")
    assert [one["person_id"] for one in page.context["family"]] == [person.person_id, child.person_id]
    assert enrolled(client, f"?for={child.person_id}")[1]["name"] == clear_view(child).name
    assert Device.objects.get().agent_person_id == person.person_id
    assert "家人或受托人的手机" in signed_in(child).get("/code/manage/").content.decode()
    theirs = f"?for={stranger.person_id}"
    for path in ("", "manage/", "image/", "stop/", "wallet/"):
        assert client.get(f"/code/{path}{theirs}").status_code == 404
    for path in ("device/", "stop/", "device/stop/", "wallet/", "wallet/revoke/"):
        assert client.post(f"/code/{path}{theirs}", {}).status_code == 404
    assert "family" not in client.get("/code/stop/").context
    assert Device.objects.count() == 1


def test_who_may_show_a_card_for_its_holder_stops_only_their_own_phone_and_with_the_right(person: Person) -> None:
    agent = make_person(2)
    terms = Terms(acts=(Act.SHOW_CODE,), until=utc_now().date() + timedelta(days=30))
    principal, numbers = Actor("resident", str(person.person_id)), (person.person_id, agent.person_id)
    delegation = give(*numbers, terms, delegation_id=uuid4(), by=principal, at=utc_now())
    theirs, holders = signed_in(agent), signed_in(person)
    query = f"?for={person.person_id}"
    assert enrolled(theirs, query)[0] == 200
    assert enrolled(holders)[0] == 200
    page = theirs.get(f"/code/manage/{query}")
    assert "/code/stop/" not in page.content.decode()
    assert "/code/wallet/" not in page.content.decode()
    for path in ("stop/", "wallet/"):
        assert theirs.get(f"/code/{path}{query}").status_code == 404
    serials = {device["may_stop"]: device["serial"] for device in page.context["devices"]}
    assert theirs.post(f"/code/device/stop/{query}", {"serial": serials[False]}).status_code == 404
    assert Device.objects.filter(revoked_at=None).count() == 2
    revoke(delegation.delegation_id, principal_person_id=person.person_id, by=CLERK, at=utc_now())
    assert [device.agent_person_id for device in Device.objects.filter(revoked_at=None)] == [None]
    assert theirs.get(f"/code/{query}").status_code == 404


@pytest.mark.parametrize("text", ["", "x", "²", "9" * 30, "-1"])
def test_nonsense_in_the_address_is_nobodys_card(person: Person, text: str) -> None:
    assert signed_in(person).get("/code/", {"for": text}).status_code in {200, 404}


def test_a_lost_card_is_told_instead_of_a_code(person: Person) -> None:
    card = Card.objects.get(person_id=person.person_id, generation=3)
    issuance.pre_report_loss(card.card_id, by=CLERK, at=utc_now())
    client = signed_in(person)
    page = client.get("/code/").content.decode()
    assert "已挂失" in page
    assert 'id="ecard"' not in page
    assert enrolled(client)[0] == 409
    assert client.get("/code/image/").status_code == 404


def test_one_phone_is_stopped_and_the_others_go_on(person: Person) -> None:
    client = signed_in(person)
    for _ in range(2):
        enrolled(client)
    page = client.get("/code/manage/")
    first, second = (device["serial"] for device in page.context["devices"])
    answer = client.post("/code/device/stop/", {"serial": first}, follow=True)
    assert "已停用这部手机上的二维码" in answer.content.decode()
    assert [device["serial"] for device in answer.context["devices"]] == [second]
    assert client.post("/code/device/stop/", {"serial": "no hex"}).status_code == 404
    assert client.post("/code/device/stop/", {"serial": "00"}).status_code == 302


def test_stopping_all_asks_once_more(person: Person) -> None:
    client = signed_in(person)
    enrolled(client)
    asked = client.get("/code/stop/")
    assert "1 部手机将不能再出示此卡" in asked.content.decode()
    assert Device.objects.filter(revoked_at=None).count() == 1
    stopped = client.post("/code/stop/")
    assert stopped.headers["Clear-Site-Data"] == '"storage"'
    assert not Device.objects.filter(revoked_at=None).exists()
    assert client.get("/code/manage/").status_code == 200, "this phone stays signed in"


@pytest.mark.parametrize(("role", "clears"), [(Role.RESIDENT, True), (Role.OUTREACH, False)])
def test_signing_out_empties_a_residents_phone_and_nobody_elses(role: str, clears: bool) -> None:
    client = Client()
    client.force_login(User.objects.create(username="u", role=role))
    assert "Clear-Site-Data" not in client.get("/sign-out/").headers
    assert ("Clear-Site-Data" in client.post("/sign-out/").headers) is clears


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1",
            "iPhone · Safari",
        ),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 Chrome/132.0 Mobile", "HarmonyOS · Chrome"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 MicroMessenger/8.0", "Android · 微信"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Windows · Edge"),
        ("curl/8", ""),
        ("", ""),
    ],
)
def test_phones_are_called_by_system_and_browser(agent: str, label: str) -> None:
    assert device_label(agent) == label


def test_the_servers_own_key_is_named_on_the_list(person: Person) -> None:
    card = Card.objects.get(person_id=person.person_id, generation=3)
    services.code_from_server(card.card_id, by=CLERK, at=utc_now())
    assert "服务器代为生成" in signed_in(person).get("/code/manage/").content.decode()
