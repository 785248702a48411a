"""A small fixed cast for tests that need people and cards: made through the same models and services as real ones."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from yikatong.applications.services import SubmitApplication, submit
from yikatong.audit.actors import Actor
from yikatong.banks.models import Bank, Outlet
from yikatong.foundation.checksums import identity_check_digit
from yikatong.issuance import services
from yikatong.issuance.models import Card
from yikatong.queries.kept import forget_all
from yikatong.registry.models import Guardianship, IdentityKey, Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.search_numbers import search_numbers

NOON = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
"""Monday 2 November 2026, noon in Beijing."""
CLERK = Actor("clerk", "test")
HOUR = timedelta(hours=1)


def make_bank(code: str = "ICBC") -> Outlet:
    """A bank with one outlet."""
    bank, _ = Bank.objects.get_or_create(
        code=code, defaults={"name_zh": code, "name_en": code, "joined_on": date(2024, 10, 30), "source": "test"}
    )
    outlet, _ = Outlet.objects.get_or_create(
        outlet_id=f"{code}-1",
        defaults={
            "bank": bank,
            "name": f"{code} one",
            "district_code": "110101",
            "windows": 1,
            "issues_instantly": True,
            "is_synthetic": True,
            "source": "test",
        },
    )
    forget_all()  # no loader was here to tell that the banks changed
    return outlet


def make_person(
    serial: int, *, born: date = date(1980, 5, 17), category: str = "flexible", generation: int = 2
) -> Person:
    """Somebody with an identity number under 1199xx and an older card."""
    first17 = f"119901{born:%Y%m%d}{serial:03d}"
    number = first17 + identity_check_digit(first17)
    cipher = field_cipher()
    index = cipher.blind_index("identity_number", number)
    phone = f"102{serial:08d}"
    found_by = search_numbers(cipher, [number], [f"测试{serial}"], [born])
    person = Person.objects.create(
        identity_number_sealed=cipher.seal("identity_number", number),
        identity_number_index=index,
        name_sealed=cipher.seal("name", f"测试{serial}"),
        phone_sealed=cipher.seal("phone", phone),
        phone_index=cipher.blind_index("phone", phone),
        **{column: only for column, (only,) in found_by._asdict().items()},
        sex="1" if int(first17[-1]) % 2 else "2",
        ethnicity_code="01",
        birth_date=born,
        community_code="110101001001",
        category=category,
        older_card_generation=generation or None,
        older_card_number=f"Z{serial:07d}0" if generation else "",
        source_digest=b"",
        updated_at=NOON,
    )
    IdentityKey.objects.create(identity_number_index=index, person_id=person.person_id)
    return person


def make_guardian(ward: Person, guardian: Person) -> None:
    """``guardian`` may act for ``ward``."""
    Guardianship.objects.create(
        ward_person_id=ward.person_id,
        guardian_person_id=guardian.person_id,
        relation="mother",
        since=date(2020, 1, 1),
    )


def application_for(person: Person, outlet: Outlet, **changes: object) -> SubmitApplication:
    """An application of a person for themselves, collected at ``outlet``."""
    fields: dict[str, object] = {
        "application_id": uuid4(),
        "person_id": person.person_id,
        "acting_person_id": person.person_id,
        "kind": "first",
        "channel": "web",
        "bank_code": outlet.bank_id,
        "collection": "outlet",
        "outlet_id": outlet.outlet_id,
    }
    return SubmitApplication(**(fields | changes))  # type: ignore[arg-type]


def made_card(person: Person, outlet: Outlet, *, at: datetime = NOON, **changes: object) -> Card:
    """A card applied for and made."""
    application = submit(application_for(person, outlet, **changes), by=CLERK, at=at)
    card = services.produce_card(person.person_id, UUID(str(application.application_id)), at=at)
    assert card is not None
    return card


def collected_card(person: Person, outlet: Outlet, *, at: datetime = NOON, **changes: object) -> Card:
    """A card in its holder's hands, not activated."""
    card = made_card(person, outlet, at=at, **changes)
    services.mark_ready(card.card_id, by=CLERK, at=at)
    return services.hand_over(card.card_id, by=CLERK, at=at)


def active_card(person: Person, outlet: Outlet, *, at: datetime = NOON, **changes: object) -> Card:
    """A card that carries its holder's social function."""
    card = collected_card(person, outlet, at=at, **changes)
    services.activate_social_function(card.card_id, by=CLERK, at=at)
    card.refresh_from_db()
    return card
