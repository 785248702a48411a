"""A stand-in for a bank's card bureau: opens a sealed file, makes card images instead of cards, and writes the receipt.

It only pretends, and says so in the log: no chip is written. It keeps no state but its folder, so that a file given again
makes nothing twice and is answered alike. It reads the shared key from this installation's key store, which a real bureau
never sees.
"""

import csv
import io
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from yikatong.foundation.clock import BEIJING
from yikatong.gm.keystore import KeyStore
from yikatong.issuance.models import JobCardState
from yikatong.issuance.personalisation import bureau_key_name
from yikatong.issuance.receipt_rows import COLUMNS
from yikatong.smartcard.bureau_file import CardRecord, Header, read_bureau_file
from yikatong.smartcard.dgi import decode_groupings
from yikatong.smartcard.memory import FileMedium, Memory
from yikatong.smartcard.third_generation import write_groupings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EmulatedBureau:
    """The bureau of one bank. ``folder``: where card images go, readable by their owner only."""

    bank_code: str
    store: KeyStore
    folder: Path

    def make(
        self,
        octets: bytes,
        *,
        at: datetime,
        spoil: Collection[int] = (),
        ship: bool = False,
        encoding: str = "utf-8",
    ) -> bytes:
        """Make the cards of a file, but for the sequences in ``spoil``; the receipt. Raises ``BureauFileWrong``.

        With ``ship`` good cards are told as shipped at once.
        """
        log.warning("the bureau of %s is emulated: card images are written, and no card is made", self.bank_code)
        name = bureau_key_name(self.bank_code)
        header, records = read_bureau_file(octets, lambda key_id: self.store.get(name, key_id))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for card in records:
            if card.sequence not in spoil:
                self._make_image(header, card)
        good = JobCardState.SHIPPED if ship else JobCardState.MADE
        return _receipt(header, records, good, spoil, at).encode(encoding)

    def image_path(self, header: Header, card: CardRecord) -> Path:
        """Where a card's image is: one for each record, so that a card asked for again is another card."""
        return self.folder / f"{header.job}-{card.sequence:07d}-{card.identification.hex().upper()}.card"

    def _make_image(self, header: Header, card: CardRecord) -> None:
        path = self.image_path(header, card)
        if path.exists():
            return
        beside = path.with_name(f"{path.name}.making")
        beside.unlink(missing_ok=True)
        write_groupings(Memory(FileMedium(beside)), decode_groupings(card.groupings))
        beside.replace(path)


def _receipt(
    header: Header, records: Iterable[CardRecord], good: JobCardState, spoil: Collection[int], at: datetime
) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    moment = at.astimezone(BEIJING).isoformat()
    for card in records:
        state, reason = (JobCardState.SPOILED, "模拟制卡方：写卡失败") if card.sequence in spoil else (good, "")
        writer.writerow((header.job, card.sequence, card.identification.hex().upper(), state.value, moment, reason))
    return text.getvalue()
