"""Money is whole fen in an ``int``; yuan exist only as text for people."""


def yuan_text(amount_fen: int) -> str:
    """``1234`` fen as ``"12.34"``; negative amounts keep their sign in front."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan}.{fen:02d}"


def round_half_up_fen(amount_fen: int, *, percent: int) -> int:
    """``percent`` of a non-negative amount, rounded half up to the fen."""
    if amount_fen < 0 or percent < 0:
        raise ValueError(f"amount and percent must not be negative: {amount_fen} fen, {percent} %")
    return (amount_fen * percent + 50) // 100
