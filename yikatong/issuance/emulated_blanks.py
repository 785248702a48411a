"""A stand-in for the maker of blank cards: images of blanks with this city's transport keys, for virtual readers.

It only pretends, and says so in the log. A real maker receives derived keys for the serial numbers it delivers, never a root.
"""

import logging
import secrets
from pathlib import Path

from yikatong.city.folder import open_folder
from yikatong.issuance.chip_records import CARD_MAKER, CHIP, CHIP_MAKER, city_roots
from yikatong.smartcard.card_roots import blank_roots
from yikatong.smartcard.issuer_domain import SERIAL_LENGTH, domain_keys
from yikatong.smartcard.memory import FileMedium, Memory
from yikatong.smartcard.ssse_layout import historical_bytes
from yikatong.smartcard.third_generation import write_blank

log = logging.getLogger(__name__)


def make_blanks(folder: Path, count: int) -> list[Path]:
    """Write ``count`` images of blanks into ``folder``, each under its serial number; readable by their owner only."""
    log.warning("blank cards are emulated: images are written, and no card is made")
    roots, region_code = city_roots(blank_roots), open_folder().head.code
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for _ in range(count):
        serial = secrets.token_bytes(SERIAL_LENGTH)
        path = folder / f"{serial.hex().upper()}.card"
        historical = historical_bytes(
            chip_maker=CHIP_MAKER, chip=CHIP, card_maker=CARD_MAKER, region_code=region_code, serial=0
        )
        write_blank(Memory(FileMedium(path)), serial, historical, domain_keys(roots, serial))
        paths.append(path)
    return paths
