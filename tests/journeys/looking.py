"""Looking at a page as a person with a screen reader or weak eyes meets it: both languages, both print sizes."""

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parent.parent / "vendor" / "axe-4.14.1.min.js"
LARGE_PRINT_PX_MIN = 18
RUN_AXE = """async () => {
    const found = await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']});
    return found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '));
}"""
SMALL_TEXT = """(least) => {
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), small = new Set();
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim(), holder = walker.currentNode.parentElement;
        const shown = holder.checkVisibility() && holder.getClientRects().length && !holder.closest('.visually-hidden, noscript');
        if (text && shown && parseFloat(getComputedStyle(holder).fontSize) < least)
            small.add(holder.tagName + '.' + holder.className + ': ' + text.slice(0, 20));
    }
    return [...small];
}"""


def faults_of(page: Page, address: str) -> list[str]:
    """What is wrong with one page in all four ways of showing it; ends with the usual one, Chinese in standard print."""
    faults = []
    for language, spoken in (("en", "en"), ("zh-hans", "zh-CN")):
        cookie = {"name": "django_language", "value": language, "domain": "127.0.0.1", "path": "/"}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        for mode in ("care", "standard"):
            answer = page.goto(f"{address}{'&' if '?' in address else '?'}mode={mode}")
            assert answer is not None
            where = f"{address} {language} {mode}"
            if answer.status != 200:
                faults.append(f"{where}: status {answer.status}")
            if page.locator("html").get_attribute("lang") != spoken:
                faults.append(f"{where}: not in that language")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            faults += [f"{where}: {violation}" for violation in page.evaluate(RUN_AXE)]
            if mode == "care":
                faults += [f"{where}: small print {text}" for text in page.evaluate(SMALL_TEXT, LARGE_PRINT_PX_MIN)]
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                faults.append(f"{where}: scrolls sideways by {wide} px")
    return faults
