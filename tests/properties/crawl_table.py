"""What the crawl cannot know by itself: which routes are no pages, and which addresses no page links to.

A new route that no page links to and that stands in none of these tables fails the crawl: give it a link, a seed or a reason.
"""

from tests.stack import Stack

NOT_PAGES = {
    "account_confirm_login_code": "only while signing in: tests/properties/test_crawl_portal.py",
    "account_reauthenticate": "in its own order: test_crawl_work.py, second factor",
    "kept_form": "only after a session ended with a form half filled in: tests/journeys/test_interrupted.py",
    "mfa_activate_totp": "in its own order: test_crawl_work.py, second factor",
    "mfa_authenticate": "in its own order: test_crawl_work.py, second factor",
    "mfa_deactivate_totp": "in its own order: test_crawl_work.py, second factor",
    "mfa_generate_recovery_codes": "in its own order: test_crawl_work.py, second factor",
    "mfa_reauthenticate": "in its own order: test_crawl_work.py, second factor",
    "mfa_view_recovery_codes": "in its own order: test_crawl_work.py, second factor",
    "openid:authorization_server": "JSON for wallets",
    "openid:credential": "POST: wallets",
    "openid:credential_issuer": "JSON for wallets",
    "openid:credential_type": "JSON for wallets",
    "openid:nonce": "POST: wallets",
    "openid:presentation": "POST: wallets",
    "openid:status": "a signed list for wallets and verifiers",
    "openid:token": "POST: wallets",
    "openid:vc_issuer": "JSON for wallets",
    "portal:apply_photo_image": "a picture",
    "portal:code_device": "POST: a phone's key",
    "portal:code_image": "a picture",
    "portal:code_shell": "what the service worker shows without network, else it goes on: tests/journeys/test_ecard.py",
    "portal:code_stop_device": "POST",
    "portal:code_wallet_revoke": "POST",
    "portal:code_worker": "the service worker's script",
    "portal:fairness_figures_csv": "a table to download",
    "portal:fairness_record": "JSON to check a draw by",
    "portal:identify": "only at the first sign-in: tests/properties/test_crawl_portal.py",
    "portal:large_print": "POST: a choice",
    "portal:question_feedback": "POST",
    "portal:video_captions": "captions",
    "portal:video_media": "a film",
    "portal:videos": "only after the card centre put up a film: tests/web/test_question_pages.py",
    "session_extend": "POST: a longer session",
    "set_language": "POST: a choice",
    "work:audit:export": "POST",
    "work:bank:cards_csv": "a file to download",
    "work:bank:chip_step": "POST: steps of the desk's program",
    "work:bank:day_csv": "a file to download",
    "work:bank:face": "a PDF to print",
    "work:bank:find": "POST; leads on to the case, or shows the desk again: crawled as the desk",
    "work:bank:purse_step": "POST: steps of the desk's program",
    "work:campaigns:boundaries": "JSON for the map",
    "work:campaigns:discard": "POST",
    "work:campaigns:export": "POST",
    "work:campaigns:figures": "JSON for the charts",
    "work:campaigns:status": "JSON while the worker plans",
    "work:campaigns:versus_chosen": "leads on to the comparison",
    "work:campaigns:versus_status": "JSON while the worker compares",
    "work:content:act": "POST",
    "work:content:video_show": "POST",
    "work:exports:cancel": "POST",
    "work:exports:download": "a file to download",
    "work:fairness:export": "a file to download",
    "work:home": "leads on to the role's first page; crawled as the one role that has none",
    "work:kiosk:chip": "POST",
    "work:kiosk:code": "only while somebody stands there: tests/journeys/test_kiosk.py",
    "work:kiosk:confirm": "only while somebody stands there: tests/journeys/test_kiosk.py",
    "work:kiosk:done": "only while somebody stands there: tests/journeys/test_kiosk.py",
    "work:kiosk:identity": "only while somebody stands there: tests/journeys/test_kiosk.py",
    "work:kiosk:leave": "POST",
    "work:kiosk:still_here": "POST",
    "work:messaging:template_new": "leads on to a template with a number of its own",
    "work:outreach:application": "POST: a tablet",
    "work:outreach:case": "POST: a tablet",
    "work:outreach:package": "POST: a tablet",
    "work:outreach:register": "POST: a tablet",
    "work:outreach:service_worker": "a script",
    "work:outreach:session": "JSON for a tablet",
    "work:outreach:standing": "JSON for a tablet",
    "work:outreach:visit": "POST: a tablet",
    "work:staff:cards_export": "POST",
    "work:staff:outreach_ask": "POST",
    "work:staff:register_export": "POST",
    "work:statements:download": "a file to download",
    "work:unit:evidence": "the unit's own document to download",
    "work:unit:people_file": "a file to download",
    "work:unit:roster_bad_rows": "a file to download",
    "work:unit:roster_template": "a file to download",
    "work:verify:question": "only after a venue asked: tests/journeys/test_ecard.py",
    "work:verify:state": "JSON while a venue waits",
}
"""Routes that the crawl does not look at, each with its reason."""

SEEDS: dict[str, list[tuple[str, str]]] = {
    "stranger": [
        ("/welcome/", ""),
        ("/sign-up/", ""),
        ("/sign-in/inactive/", ""),
        ("/dev/inbox/", ""),
        ("/help/", ""),
        ("/fairness/complaint/state/", ""),
        ("/places/?near=gm", ""),
    ],
    "resident": [
        ("/", ""),
        ("/?mode=care", ""),
        ("/?all=1", ""),
        ("/intro/", ""),
        ("/apply/", ""),
        ("/appointments/", ""),
        ("/code/", ""),
        ("/code/manage/", ""),
        ("/code/stop/", ""),
        ("/code/wallet/", ""),
        ("/delegations/ask/00000000-0000-4000-8000-000000000000/", ""),
        (
            "/apply/receipt/{}/{}/",
            "select a.person_id, a.application_id from applications_application a join accounts_user u "
            "using (person_id) where u.role = 'resident' limit 1",
        ),
        (
            "/cards/{}/activate/",
            "select c.card_id from issuance_card c join accounts_user u using (person_id) "
            "where u.role = 'resident' and c.generation = 3 limit 1",
        ),
    ],
    "bank_clerk": [
        ("/work/bank/cards/{}/", "select card_id from issuance_card where generation = 3 order by card_id limit 1"),
    ],
    "card_centre": [("/work/campaigns/crawl/versus/demo/", "")],
    "operator": [],
    "auditor": [],
    "unit": [],
    "outreach": [],
    "kiosk": [],
    "admin": [],
}
"""Addresses beyond a role's first page, with the query that fills them in; each is looked at, though its route was met before.
Whether a request for a right exists is not told, so any number shows the page that asks for its code."""

FIRST_PAGES = {"stranger": "/welcome/", "resident": "/"}
NOBODY_LINKS_TO = ["/nowhere/"]
"""Looked at as every role: the page for addresses that do not exist."""

NOT_LINKED = {"kiosk": {"account_logout", "mfa_index", "work:password", "work:sessions"}}
"""Pages that a role may see and is not led to: visitors of a machine are not to sign it out."""

ALIKE = frozenset({"account_logout", "mfa_index", "work:password", "work:sessions"})
"""Pages that are the same for all staff; looked at once."""


def seeds_of(role: str, stack: Stack) -> list[str]:
    """A role's first page and its seeds, filled in from the database. A query that finds nothing fails."""
    found = [FIRST_PAGES.get(role, "/work/")]
    for path, query in SEEDS[role]:
        rows = stack.query(query) if query else [()]
        assert rows, f"nothing in the database for {path}"
        found.append(path.format(*rows[0]))
    return found
