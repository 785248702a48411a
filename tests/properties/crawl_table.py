"""What the crawl cannot know by itself: which routes are no pages, and which addresses no page links to.

A new route that no page links to and that stands in none of these tables fails the crawl: give it a link, a seed or a reason.
"""

from tests.stack import Stack

NOT_PAGES = {
    "account_confirm_login_code": "only while signing in: tests/journeys/test_pages.py",
    "account_reauthenticate": "only when a session must be confirmed; nothing asks for it yet",
    "kept_form": "only after a session ended with a form half filled in: tests/journeys/test_interrupted.py",
    "portal:code_device": "POST: a phone's key",
    "portal:code_image": "a picture",
    "portal:code_stop_device": "POST",
    "portal:code_wallet_revoke": "POST",
    "portal:code_worker": "the service worker's script",
    "openid:authorization_server": "JSON for wallets",
    "openid:credential": "POST: wallets",
    "openid:credential_issuer": "JSON for wallets",
    "openid:credential_type": "JSON for wallets",
    "openid:nonce": "POST: wallets",
    "openid:presentation": "POST: wallets",
    "openid:status": "a signed list for wallets and verifiers",
    "openid:token": "POST: wallets",
    "openid:vc_issuer": "JSON for wallets",
    "work:verify:question": "only after a venue asked: tests/journeys/test_ecard.py",
    "work:verify:state": "JSON while a venue waits",
    "portal:fairness_figures_csv": "a table to download",
    "portal:fairness_record": "JSON to check a draw by",
    "portal:identify": "only at the first sign-in: tests/journeys/test_pages.py",
    "portal:large_print": "POST: a choice",
    "session_extend": "POST: a longer session",
    "set_language": "POST: a choice",
    "work:bank:chip_step": "POST: steps of the desk's program",
    "work:bank:face": "a PDF to print",
    "work:campaigns:boundaries": "JSON for the map",
    "work:campaigns:discard": "POST",
    "work:campaigns:export": "a file to download",
    "work:campaigns:figures": "JSON for the charts",
    "work:campaigns:status": "JSON while the worker plans",
    "work:campaigns:versus_chosen": "leads on to the comparison",
    "work:campaigns:versus_status": "JSON while the worker compares",
    "work:fairness:export": "a file to download",
    "work:home": "leads on to the role's first page; crawled as the one role that has none",
    "work:statements:download": "a file to download",
    "work:unit:evidence": "the unit's own document to download",
    "work:unit:people_file": "a file to download",
    "work:unit:roster_bad_rows": "a file to download",
    "work:unit:roster_template": "a file to download",
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
    ],
    "resident": [
        ("/", ""),
        ("/?mode=care", ""),
        ("/apply/", ""),
        ("/appointments/", ""),
        ("/code/", ""),
        ("/code/shell/", ""),
        ("/code/manage/", ""),
        ("/code/stop/", ""),
        ("/code/wallet/", ""),
        (
            "/apply/bank/?for={}",
            "select min(person_id) from accounts_user where role = 'resident' and person_id is not null",
        ),
        (
            "/apply/collection/?for={}&bank={}",
            "select u.person_id, b.code from accounts_user u, banks_bank b "
            "where u.role = 'resident' and u.person_id is not null order by b.code limit 1",
        ),
        (
            "/apply/check/?for={}&bank={}&collection=outlet&outlet={}",
            "select u.person_id, o.bank_code, o.outlet_id from accounts_user u, banks_outlet o "
            "where u.role = 'resident' and u.person_id is not null order by o.outlet_id limit 1",
        ),
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
        ("/work/bank/?q=119", ""),
        ("/work/bank/cards/{}/", "select card_id from issuance_card where generation = 3 order by card_id limit 1"),
    ],
    "card_centre": [("/work/campaigns/crawl/versus/demo/", "")],
    "operator": [],
    "auditor": [],
    "unit": [],
    "outreach": [],
}
"""Addresses beyond a role's first page, with the query that fills them in; each is looked at, though its route was met before."""

FIRST_PAGES = {"stranger": "/welcome/", "resident": "/"}
NOBODY_LINKS_TO = ["/nowhere/"]
"""Looked at as every role: the page for addresses that do not exist."""


def seeds_of(role: str, stack: Stack) -> list[str]:
    """A role's first page and its seeds, filled in from the database. A query that finds nothing fails."""
    found = [FIRST_PAGES.get(role, "/work/")]
    for path, query in SEEDS[role]:
        rows = stack.query(query) if query else [()]
        assert rows, f"nothing in the database for {path}"
        found.append(path.format(*rows[0]))
    return found
