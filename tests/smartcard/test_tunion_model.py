"""Random lives of a purse against a model of its own: money is conserved and no number is used twice, whenever power goes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.smartcard.makers import send
from tests.smartcard.power import PowerCut, TornMedium
from tests.smartcard.purses import OK, SELECT, TERMINAL, TIME, get, mac1_of, mac2_of_load, purse_card
from yikatong.smartcard.memory import VolatileMedium
from yikatong.smartcard.third_generation import open_card

LIMIT_FEN = 500
AMOUNTS = st.integers(min_value=0, max_value=2_000)
CUTS = st.one_of(st.none(), st.integers(min_value=0, max_value=700))
"""After how many bytes written power goes, if it does."""


def _random(length: int) -> bytes:
    return b"\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18"[:length]


class PurseLife(RuleBasedStateMachine):
    """``net_fen``: what the purse should have, overdraft as a minus. ``used``: (counter, number) of all that was carried out."""

    def __init__(self) -> None:
        super().__init__()
        medium = VolatileMedium()
        purse_card(overdraft_limit_fen=LIMIT_FEN, medium=medium)
        self.net_fen = 0
        self.used: set[tuple[str, int]] = set()
        self.terminal_number = 0
        self._power_on(medium.read())

    def _power_on(self, journal: bytes, cut: int | None = None) -> None:
        self.medium = TornMedium(journal, bytes_left=10**9 if cut is None else cut)
        self.card = open_card(self.medium, random=_random)
        self.card.power_on()
        get(self.card, SELECT)

    def _carry_out(self, begun_number: int, counter: str, kind: str, command: str, change_fen: int) -> None:
        """Send the command that moves money; after a cut, ask the card whether it did."""
        try:
            is_done = send(self.card, command).endswith(OK)
        except PowerCut:
            self._power_on(self.medium.read())
            is_done = send(self.card, f"805A00{kind}02{begun_number + 1:04X} 08").endswith(OK)
        if is_done:
            assert (counter, begun_number) not in self.used, "a number was used twice"
            self.used.add((counter, begun_number))
            self.net_fen += change_fen
        self._power_on(self.medium.read())

    @rule(amount_fen=AMOUNTS, cut=CUTS)
    def load(self, amount_fen: int, cut: int | None) -> None:
        self._power_on(self.medium.read(), cut)
        begun = get(self.card, f"80500002 0B 01 {amount_fen:08X} {TERMINAL} 10")
        command = f"80520000 0B {TIME} {mac2_of_load(begun, amount_fen)} 04"
        self._carry_out(int(begun[8:12], 16), "online", "02", command, amount_fen)

    @rule(amount_fen=AMOUNTS, cut=CUTS, is_compound=st.booleans())
    def pay(self, amount_fen: int, cut: int | None, is_compound: bool) -> None:
        self._power_on(self.medium.read(), cut)
        p1, kind = (0x03, 0x09) if is_compound else (0x01, 0x06)
        answer = send(self.card, f"8050{p1:02X}02 0B 01 {amount_fen:08X} {TERMINAL} 0F")
        if amount_fen > self.net_fen + LIMIT_FEN:
            assert answer == "9401"
            self._power_on(self.medium.read())
            return
        assert answer.endswith(OK)
        if is_compound:
            get(self.card, "80DC00F030" + "03" + "AB" * 47)
        self.terminal_number += 1
        mac1 = mac1_of(answer[:-4], amount_fen, kind, self.terminal_number)
        command = f"80540100 0F {self.terminal_number:08X} {TIME} {mac1} 08"
        self._carry_out(int(answer[8:12], 16), "offline", f"{kind:02X}", command, -amount_fen)

    @rule(amount_fen=AMOUNTS)
    def pay_with_a_wrong_mac(self, amount_fen: int) -> None:
        begun = send(self.card, f"80500102 0B 01 {amount_fen:08X} {TERMINAL} 0F")
        if begun.endswith(OK):
            mac1 = mac1_of(begun[:-4], amount_fen + 1, 0x06)
            assert send(self.card, f"80540100 0F 00000001 {TIME} {mac1} 08") in {"9302", "6983"}

    @precondition(lambda self: self.used)
    @rule(repeat=st.data())
    def ask_for_an_old_proof(self, repeat: st.DataObject) -> None:
        counter, number = repeat.draw(st.sampled_from(sorted(self.used)))
        for kind in ("02",) if counter == "online" else ("06", "09"):
            assert send(self.card, f"805A00{kind}02{number + 1:04X} 08")[-4:] in {OK, "9406"}

    @invariant()
    def money_is_what_the_model_says(self) -> None:
        spendable, limit, owed, balance = (int(get(self.card, f"805C0{p1}0204"), 16) for p1 in range(4))
        assert balance - owed == self.net_fen
        assert (limit, spendable) == (LIMIT_FEN, self.net_fen + LIMIT_FEN)
        assert not (balance and owed)

    @invariant()
    def counters_are_how_many_were_carried_out(self) -> None:
        for name, cell in (("online", "TU/counter/online"), ("offline", "TU/counter/offline")):
            assert int.from_bytes(self.card.memory[cell]) == sum(counter == name for counter, _ in self.used)


TestPurseLife = PurseLife.TestCase
TestPurseLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
