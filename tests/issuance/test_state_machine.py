"""A person's cards under any sequence of commands, against a small model that knows nothing of the rules' code.

The model keeps a few words for each card and says of each command whether it is done, is a repeat, or is refused. The
invariants are checked against the tables after every step.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.cast import CLERK, NOON, application_for, make_bank, make_person
from yikatong.applications.models import Application
from yikatong.applications.rules import NEXT_STATES
from yikatong.applications.services import cancel, submit
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.issuance import services
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card, SocialFunction

PRE_REPORT = timedelta(days=10)
STEPS_OF_A_CARD = {
    "made": {"ready"},
    "ready": {"collected", "cancelled"},
    "collected": {"cancelled"},
    "cancelled": set(),
}
_serials: Iterator[int] = count(1)


@dataclass
class Thing:
    """A card as the model sees it."""

    generation: int
    where: str  # made, ready, collected, cancelled
    social: str  # inactive, active, ended
    is_posted: bool = False
    is_lost: bool = False
    pre_reported_until: datetime | None = None

    def in_hand(self) -> bool:
        return self.where == "collected" or (self.where == "ready" and self.is_posted)


class Life(RuleBasedStateMachine):
    """One person with an older card."""

    def __init__(self) -> None:
        super().__init__()
        self.outlet = make_bank()
        self.person = make_person(next(_serials))
        adopt_older_cards(at=NOON)
        self.now = NOON
        older = Card.objects.get(person_id=self.person.person_id)
        self.things = {older.card_id: Thing(2, "collected", "active")}
        self.application: Application | None = None
        self.application_state = ""
        self.is_by_post = False
        self.ever_active = True
        self.seen_states: dict[int, list[str]] = {older.card_id: ["collected"]}

    # --- commands ---

    @rule(hours=st.sampled_from([1, 24, 24 * 9, 24 * 11]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        for thing in self.things.values():
            if thing.pre_reported_until and thing.pre_reported_until <= self.now:
                thing.pre_reported_until = None

    @rule(by_post=st.booleans())
    def apply(self, by_post: bool) -> None:
        third = [thing for thing in self.things.values() if thing.generation == 3]
        kind = "replacement" if any(thing.is_lost for thing in third) else "first"
        allowed = self.application_state in {"", "collected", "cancelled"} and all(thing.is_lost for thing in third)
        extra = {"collection": "post", "address": "某街九号", "outlet_id": ""} if by_post else {}
        command = application_for(self.person, self.outlet, kind=kind, **extra)
        if self.done(lambda: submit(command, by=CLERK, at=self.now), allowed=allowed):
            self.application = Application.objects.get(application_id=command.application_id)
            self.application_state, self.is_by_post = "approved", by_post

    @precondition(lambda self: self.application is not None)
    @rule()
    def withdraw_application(self) -> None:
        assert self.application is not None
        allowed = self.application_state in {"approved", "cancelled"}
        key = self.person.person_id, self.application.application_id
        if self.done(lambda: cancel(*key, by=CLERK, at=self.now), allowed=allowed):
            self.application_state = "cancelled"

    @precondition(lambda self: self.application is not None)
    @rule()
    def produce(self) -> None:
        assert self.application is not None
        card = services.produce_card(self.person.person_id, self.application.application_id, at=self.now)
        if self.application_state == "approved":
            assert card is not None
            assert card.card_id not in self.things
            self.things[card.card_id] = Thing(3, "made", "inactive", is_posted=self.is_by_post)
            self.seen_states[card.card_id] = ["made"]
            self.application_state = "in_production"

    @rule(
        data=st.data(),
        command=st.sampled_from(
            ["arrive", "hand_over", "activate", "activate_bank", "pre_report", "withdraw", "report"]
        ),
    )
    def on_any_card(self, data: st.DataObject, command: str) -> None:
        """Any command, sensible or not, on any card."""
        self.command(command, data.draw(st.sampled_from(sorted(self.things)), label="card"))

    @rule(by_post=st.booleans(), steps=st.integers(1, 6))
    def carry_on(self, by_post: bool, steps: int) -> None:
        """What would usually come next, so that long lives are lived too."""
        for _ in range(steps):
            newest_id = max(self.things)
            newest = self.things[newest_id]
            if self.application_state == "approved":
                self.produce()
            elif newest.where == "made":
                self.command("arrive", newest_id)
            elif newest.where == "ready" and not newest.is_posted:
                self.command("hand_over", newest_id)
            elif newest.where != "cancelled" and newest.social == "inactive":
                self.command("activate", newest_id)
            else:
                self.apply(by_post)
            self.tables_agree_with_the_model()

    def command(self, name: str, card_id: int) -> None:
        """Give one command on one card, to the service and to the model."""
        thing = self.things[card_id]
        is_free = not thing.is_lost and thing.pre_reported_until is None
        may_activate = thing.in_hand() and is_free and thing.social != "ended"
        at_the_bank = partial(services.activate_financial_function, bank_code="ICBC")
        commands: dict[str, tuple[Callable[..., object], bool]] = {
            "arrive": (services.mark_ready, thing.where != "cancelled"),
            "hand_over": (services.hand_over, thing.where in {"ready", "collected"} and is_free),
            "activate": (services.activate_social_function, may_activate),
            "activate_bank": (at_the_bank, may_activate and thing.generation == 3),
            "pre_report": (services.pre_report_loss, thing.in_hand()),
            "withdraw": (services.withdraw_pre_report, not thing.is_lost),
            "report": (services.report_loss, thing.is_lost or thing.in_hand()),
        }
        service, allowed = commands[name]
        if self.done(lambda: service(card_id, by=CLERK, at=self.now), allowed=allowed):
            getattr(self, f"model_{name}")(thing)

    def model_arrive(self, thing: Thing) -> None:
        if thing.where == "made":
            thing.where, self.application_state = "ready", "ready"

    def model_hand_over(self, thing: Thing) -> None:
        if thing.where == "ready":
            thing.where, self.application_state = "collected", "collected"

    def model_activate(self, thing: Thing) -> None:
        if thing.social == "inactive":
            for other in self.things.values():
                if other.social == "active":
                    other.social = "ended"
            self.model_hand_over(thing)
            thing.social = "active"

    model_activate_bank = model_activate

    def model_pre_report(self, thing: Thing) -> None:
        thing.pre_reported_until = thing.pre_reported_until or self.now + PRE_REPORT

    def model_withdraw(self, thing: Thing) -> None:
        thing.pre_reported_until = None

    def model_report(self, thing: Thing) -> None:
        if thing.where == "ready":
            self.application_state = "cancelled"
        thing.where, thing.social, thing.is_lost = "cancelled", "ended", True

    @rule()
    def lapse(self) -> None:
        services.lapse_pre_reports(at=self.now)

    # --- what must hold ---

    @invariant()
    def tables_agree_with_the_model(self) -> None:
        for card in Card.objects.filter(person_id=self.person.person_id):
            thing = self.things[card.card_id]
            assert (card.state, card.social_state) == (thing.where, thing.social)
            assert (card.reported_lost_at is not None) is thing.is_lost
            states = self.seen_states[card.card_id]
            if states[-1] != card.state:
                states.append(card.state)
            assert all(after in STEPS_OF_A_CARD[before] for before, after in pairwise(states)), states
        if self.application is not None:
            before = self.application.state
            self.application.refresh_from_db()
            assert self.application.state == self.application_state
            assert self.application.state == before or self.is_reachable(before, self.application.state)

    @invariant()
    def one_card_at_most_carries_the_social_function(self) -> None:
        active = [card_id for card_id, thing in self.things.items() if thing.social == "active"]
        recorded = list(
            SocialFunction.objects.filter(person_id=self.person.person_id).values_list("card_id", flat=True)
        )
        assert active == recorded
        assert len(active) <= 1
        if not active:
            last_ended = AuditEvent.objects.filter(
                person_id=self.person.person_id, action__in=["card.reported_lost", "card.activated"]
            ).order_by("-event_id")
            assert last_ended[0].action == "card.reported_lost", "only a formal report leaves nobody with the function"

    # --- helpers ---

    def done(self, command: object, *, allowed: bool) -> bool:
        """Run it; it must be refused, without a trace, exactly when the model says so."""
        events = AuditEvent.objects.filter(person_id=self.person.person_id).count()
        try:
            command()  # type: ignore[operator]
        except Refused:
            if allowed:
                raise
            assert AuditEvent.objects.filter(person_id=self.person.person_id).count() == events
            return False
        assert allowed, "the model would have refused this"
        return True

    def is_reachable(self, before: str, after: str) -> bool:
        return after in NEXT_STATES[before] or any(self.is_reachable(step, after) for step in NEXT_STATES[before])


@pytest.mark.django_db
def test_any_life_of_a_card_keeps_to_the_model() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
