"""Accounts of residents: made at the first sign-in by phone, tied to a person who can prove who they are."""

from django.db import IntegrityError, transaction
from django.db.models import Q

from yikatong.accounts import own_sessions
from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.clock import utc_now
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view, find_person_by_phone


def normal_phone(phone: str) -> str:
    """A phone number as the register stores it: digits only, without the country code."""
    digits = "".join(character for character in phone if character.isdigit())
    return digits.removeprefix("86") if len(digits) > 11 else digits


def account_for_phone(phone: str) -> User | None:
    """The account of a phone, made now if somebody in the register has that phone. ``None`` for an unknown phone."""
    phone = normal_phone(phone)
    index = field_cipher().blind_index("phone", phone)
    known = User.objects.filter(phone_index=index).first()
    if known is not None or not find_person_by_phone(phone):
        return known
    try:
        with transaction.atomic():
            user = User(
                username=f"resident-{index.hex()}",
                role=Role.RESIDENT,
                phone_index=index,
                phone_sealed=field_cipher().seal("phone", phone),
            )
            user.set_unusable_password()
            user.save()
            return user
    except IntegrityError:
        return User.objects.get(phone_index=index)  # the same phone asked twice at once


def link_person(user: User, last_four: str) -> Person | None:
    """Tie an account to the person with this phone whose identity number ends so; ``None`` when nobody fits or two do."""
    phone = field_cipher().open("phone", bytes(user.phone_sealed)) if user.phone_sealed else ""
    wanted = last_four.strip().upper()
    fitting = [
        person
        for person in find_person_by_phone(phone)
        if len(wanted) == 4 and clear_view(person).identity_number.endswith(wanted)
    ]
    if len(fitting) != 1 or User.objects.filter(person_id=fitting[0].person_id).exclude(pk=user.pk).exists():
        return None
    person = fitting[0]
    with transaction.atomic():
        user.person_id = person.person_id
        user.save(update_fields=["person_id"])
        by = Actor("resident", str(user.pk))
        record("account.linked", subject=f"account:{user.pk}", by=by, at=utc_now(), person_id=person.person_id)
    return person


def follow_phone(person_id: int, phone: str) -> None:
    """After a phone was corrected: who held the old one must not get in, and whoever is signed in must sign in anew.

    The account moves to the new phone; where another account has that phone already, or there is none, it is let go of: the
    next sign-in with the right phone and the end of the identity number ties a fresh one.
    """
    cipher = field_cipher()
    with transaction.atomic():
        user = User.objects.select_for_update().filter(person_id=person_id, role=Role.RESIDENT).first()
        if user is None:
            return
        index = cipher.blind_index("phone", phone) if phone else None
        if index is None or User.objects.filter(phone_index=index).exclude(pk=user.pk).exists():
            user.person_id = user.phone_index = user.phone_sealed = None
            user.is_active = False
        else:
            user.phone_index, user.phone_sealed = index, cipher.seal("phone", phone)
        user.phone_verified = False
        user.set_unusable_password()  # a session holds only as long as the password it began with
        user.save()
        own_sessions.end_all(user)


def end_sessions(*, person_id: int, account: User) -> None:
    """Sign a person out everywhere, and an account with them: a stolen phone that is signed in must not start anew.

    Whoever is at ``account`` now keeps their session by ``sessions.go_on_alone``.
    """
    with transaction.atomic():
        for user in User.objects.filter(Q(person_id=person_id) | Q(pk=account.pk), role=Role.RESIDENT).order_by("pk"):
            own_sessions.end_all(user)
    account.refresh_from_db(fields=["session_generation"])
