"""Loading a card's transit purse at the counter: the card and the issuer prove themselves to each other through the clerk's page.

The customer pays from an account at the bank, whose number of the debit is kept; no cash. A load counts when the card's TAC
proves it, and is booked in the same transaction. A card that was taken away too soon is asked when it is back. Nobody's word that
nothing was loaded is believed but the card's: its next load carries its number, and settles whatever was left in doubt before.
Source: JR/T 0025 (INITIALISE FOR LOAD, CREDIT, TAC); limits, accounts and the counters' terminal numbers: assumption.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.desks.finding import Desk
from yikatong.desks.models import LoadState, PurseLoad
from yikatong.desks.rules import DeskReason
from yikatong.desks.services import note
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.gm import sm3
from yikatong.issuance.chip_records import city_roots
from yikatong.issuance.lifecycle import lock_card, snapshot
from yikatong.issuance.models import Card, CardState, JobCard, JobCardState
from yikatong.issuance.rules import is_reported_lost
from yikatong.ledger import services as ledger
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card_roots import purse_roots
from yikatong.smartcard.tunion import LOAD
from yikatong.smartcard.tunion_layout import AID, ISSUER_LENGTH, ISSUER_SFI, IssuerFile, PurseRecordWrong, bcd_time
from yikatong.smartcard.tunion_loading import LoadAuthority, LoadRefused, LoadRequest

AMOUNT_MIN_FEN, BALANCE_MAX_FEN = 1_000, 100_000
INITIALISED_LENGTH, TAC_LENGTH = 16, 4
_PURSE, _KEY_INDEX = 0x02, b"\x01"


def terminal_of(outlet_id: str) -> str:
    """The terminal number of an outlet's counter, 12 digits, as the card's own log shows it."""
    return f"8{int.from_bytes(sm3.digest(outlet_id.encode())[:8]) % 10**11:011d}"


def begin(card_id: int, desk: Desk, *, load_id: UUID, amount_fen: int, reference: str, at: datetime) -> list[Command]:
    """Take a load up; what the card is asked first. The same number again is the same load.

    Raises ``Refused`` (``AMOUNT_WRONG``, ``REFERENCE_MISSING``, ``OTHER_BANK``, ``CARD_NOT_USABLE``, ``ACT_REUSED``).
    """
    if not AMOUNT_MIN_FEN <= amount_fen <= BALANCE_MAX_FEN or amount_fen % 100:
        raise Refused(DeskReason.AMOUNT_WRONG, "请输入 10 至 1000 元的整数金额")
    if not reference.strip():
        raise Refused(DeskReason.REFERENCE_MISSING, "请输入本行扣款的流水号")
    with transaction.atomic():
        _, card = lock_card(card_id)
        if card.bank_code != desk.outlet.bank_id:
            raise Refused(DeskReason.OTHER_BANK, "这张卡由另一家银行发行，请到发卡银行办理")
        if card.state != CardState.COLLECTED or card.social_state == "ended" or is_reported_lost(snapshot(card), at):
            raise Refused(DeskReason.CARD_NOT_USABLE, "此卡还没有领取，或已挂失、停用，不能充值")
        wanted = {"amount_fen": amount_fen, "reference": reference.strip()[:40], "place": desk.place}
        facts = {"bank_code": card.bank_code, "by": str(desk.by), "begun_at": at}
        terminal_id = terminal_of(desk.outlet.outlet_id)
        load, _is_new = PurseLoad.objects.get_or_create(
            card_id=card_id, load_id=load_id, defaults={**wanted, **facts, "terminal_id": terminal_id}
        )
        if any(getattr(load, name) != value for name, value in wanted.items()):
            raise Refused(DeskReason.ACT_REUSED, "这个页面已经办理过另一件事，请重新打开")
    return opening_commands()


def opening_commands() -> list[Command]:
    """Select the purse and read whose it is."""
    return [
        Command(0x00, 0xA4, 0x04, 0x00, AID, 256),
        Command(0x00, 0xB0, 0x80 | ISSUER_SFI, 0x00, expected=ISSUER_LENGTH),
    ]


def initialise(card_id: int, load_id: UUID, issuer_file: bytes) -> list[Command]:
    """What the purse is asked next, once it is the purse of this very card. Raises ``Refused`` (``PURSE_WRONG``)."""
    with transaction.atomic():
        load = _locked(card_id, load_id)
        _check_purse(card_id, issuer_file)
        if load.state == LoadState.BEGUN:
            load.issuer_file = issuer_file
            load.save(update_fields=["issuer_file"])
        asked = _KEY_INDEX + load.amount_fen.to_bytes(4) + bytes.fromhex(load.terminal_id)
        return [Command(0x80, 0x50, 0x00, _PURSE, asked, INITIALISED_LENGTH)]


def authorise(card_id: int, load_id: UUID, initialised: bytes, *, at: datetime) -> list[Command]:
    """The issuer's word for a load that a genuine card asks for; earlier ones of it in doubt are settled by its number.

    Raises ``Refused`` (``PURSE_WRONG``, ``AMOUNT_WRONG``: more than a purse may hold, ``LOAD_DECIDED``).
    """
    with transaction.atomic():
        load = _locked(card_id, load_id)
        if load.state != LoadState.BEGUN or load.issuer_file is None:
            raise Refused(DeskReason.LOAD_DECIDED, "这笔充值已经发给卡片，请按页面提示确认")
        if len(initialised) != INITIALISED_LENGTH:
            raise Refused(DeskReason.PURSE_WRONG, "卡片的应答不完整，请重新放好卡片")
        load.initialised, load.counter, load.authorised_at = initialised, int.from_bytes(initialised[4:6]), at
        request = _request(load)
        if request.balance_fen + load.amount_fen > BALANCE_MAX_FEN:
            raise Refused(DeskReason.AMOUNT_WRONG, "充值后余额超过 1000 元，请减少金额")
        try:
            mac2 = _authority().authorise(request, at)
        except LoadRefused as refused:
            raise Refused(DeskReason.PURSE_WRONG, str(refused)) from refused
        _settle_earlier(load, at=at)
        load.state = LoadState.AUTHORISED
        load.save(update_fields=["initialised", "counter", "authorised_at", "state"])
        record("purse.load_authorised", subject=f"card:{card_id}", by=_actor(load), at=at, amount_fen=load.amount_fen)
        return [Command(0x80, 0x52, 0x00, 0x00, bcd_time(at) + mac2, TAC_LENGTH)]


def ask_again(card_id: int, load_id: UUID, issuer_file: bytes) -> list[Command]:
    """What a card that was taken away is asked when it is back. Raises ``Refused`` (``PURSE_WRONG``: another card)."""
    load = PurseLoad.objects.filter(card_id=card_id, load_id=load_id).first()
    if load is None or load.counter is None or load.issuer_file is None or bytes(load.issuer_file) != issuer_file:
        raise Refused(DeskReason.PURSE_WRONG, "这不是刚才那张卡，请放上刚才的卡")
    return [Command(0x80, 0x5A, 0x00, LOAD, (load.counter + 1).to_bytes(2), 8)]


def finish(card_id: int, load_id: UUID, answer: bytes, desk: Desk, *, at: datetime) -> PurseLoad:
    """The card's proof, its last four bytes the TAC: the load counts and is booked. Repeating it changes nothing.

    Raises ``Refused`` (``PURSE_WRONG``: it proves nothing).
    """
    with transaction.atomic():
        load = _locked(card_id, load_id)
        if load.state == LoadState.LOADED:
            return load
        tac = answer[-TAC_LENGTH:]
        if load.state != LoadState.AUTHORISED or load.authorised_at is None:
            raise Refused(DeskReason.PURSE_WRONG, "卡片还没有收到充值指令，请重新开始")
        if not _authority().is_done(_request(load), load.authorised_at, tac):
            raise Refused(DeskReason.PURSE_WRONG, "卡片没有证明已经充值，请放好刚才的卡再确认")
        _book(load, tac, at=at)
        note("load_purse", Card.objects.get(card_id=card_id), desk, act_id=load_id, at=at)
        return load


def loads_of(card_id: int, *, limit: int = 10) -> list[PurseLoad]:
    """A card's loads, newest first."""
    return list(PurseLoad.objects.filter(card_id=card_id).order_by("-begun_at")[:limit])


def has_purse(card_id: int) -> bool:
    """Whether the card's chip was written with a purse."""
    written = [JobCardState.MADE, JobCardState.SHIPPED]
    return JobCard.objects.filter(card_id=card_id, state__in=written).exists()


def _authority() -> LoadAuthority:
    return LoadAuthority(city_roots(purse_roots))


def _actor(load: PurseLoad) -> Actor:
    return Actor("clerk", load.by.partition(":")[2])


def _locked(card_id: int, load_id: UUID) -> PurseLoad:
    load = PurseLoad.objects.select_for_update().filter(card_id=card_id, load_id=load_id).first()
    if load is None:
        raise Refused(DeskReason.PURSE_WRONG, "没有这笔充值，请重新开始")
    return load


def _check_purse(card_id: int, issuer_file: bytes) -> None:
    """The purse in the reader is the one that was written into this card."""
    try:
        purse = IssuerFile.decode(issuer_file)
    except (PurseRecordWrong, ValueError) as wrong:
        raise Refused(DeskReason.PURSE_WRONG, "读卡器里的卡没有可用的交通钱包") from wrong
    serial = int(purse.number[-10:])
    if not JobCard.objects.filter(card_id=card_id, chip_serial=serial).exclude(state=JobCardState.SPOILED).exists():
        raise Refused(DeskReason.PURSE_WRONG, "读卡器里不是这张卡，请换成卡号相同的那张")


def _request(load: PurseLoad) -> LoadRequest:
    answer, file = bytes(load.initialised or b""), bytes(load.issuer_file or b"")
    numbers = int.from_bytes(answer[:4]), int.from_bytes(answer[4:6])
    terminal = bytes.fromhex(load.terminal_id)
    return LoadRequest(
        IssuerFile.decode(file), load.amount_fen, terminal, *numbers, answer[7], answer[8:12], answer[12:]
    )


def _settle_earlier(load: PurseLoad, *, at: datetime) -> None:
    """What this card's earlier loads came to: its number stands where it stood, or has moved on. The card's MAC covers it."""
    doubtful = PurseLoad.objects.select_for_update().filter(card_id=load.card_id, state=LoadState.AUTHORISED)
    for earlier in doubtful.exclude(load_id=load.load_id):
        if earlier.counter is not None and load.counter is not None and load.counter > earlier.counter:
            _book(earlier, b"", at=at)
        else:
            earlier.state = LoadState.NOT_LOADED
            earlier.save(update_fields=["state"])


def _book(load: PurseLoad, tac: bytes, *, at: datetime) -> None:
    issuer = bytes(load.issuer_file or b"")[:8].hex().upper()
    debtor, creditor = f"bank:{load.bank_code}:purse-loads", f"purse:{issuer}:float"
    ledger.open_account(debtor, "asset", at=at)
    ledger.open_account(creditor, "liability", at=at)
    lines = [ledger.Line(debtor, load.amount_fen), ledger.Line(creditor, -load.amount_fen)]
    reference = f"{load.bank_code} {load.reference}"
    ledger.post(load.load_id, kind="purse_load", business_day=beijing_day(at), reference=reference, lines=lines, at=at)
    load.state, load.tac, load.loaded_at = LoadState.LOADED, tac, at
    load.save(update_fields=["state", "tac", "loaded_at"])
    record("purse.loaded", subject=f"card:{load.card_id}", by=_actor(load), at=at, amount_fen=load.amount_fen)
