"""How personal data is shown until someone with the right asks for it in clear (and that asking is audited)."""


def masked_name(name: str) -> str:
    """``张三`` as ``*三``, ``欧阳建国`` as ``***国``: only the last character stays."""
    return "*" * (len(name) - 1) + name[-1:] if len(name) > 1 else name


def masked_identity_number(number: str) -> str:
    """The first three and last two characters of an identity number; the rest is starred."""
    return number[:3] + "*" * max(len(number) - 5, 0) + number[-2:]


def masked_phone(phone: str) -> str:
    """``13800001234`` as ``138****1234``."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 7 else "****"


def masked_card_number(number: str) -> str:
    """The first character and the last three of a card number."""
    return number[:1] + "*" * max(len(number) - 4, 0) + number[-3:]
