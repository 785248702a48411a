"""How a name stands on a card: whole on the face, in one or two pieces in the chip, and where that surprises."""

from dataclasses import dataclass

from yikatong.smartcard.third_generation import name_in_chip


@dataclass(frozen=True, slots=True)
class NameOnCard:
    """``first`` and ``second``: the chip's two items. ``left_out``: what it cannot hold. ``rare``: characters outside GBK.

    Old readers show the first item alone, and no character outside GBK. Source: LD/T 32 (姓名 30 bytes, 姓名扩展 20 bytes; GBK).
    """

    face: str
    first: str
    second: str
    left_out: str
    rare: str


def name_on_card(name: str) -> NameOnCard:
    """What becomes of a registered name."""
    first, second, left_out = name_in_chip(name)
    return NameOnCard(name, first, second, left_out, "".join(dict.fromkeys(one for one in name if not _in_gbk(one))))


def _in_gbk(character: str) -> bool:
    try:
        character.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True
