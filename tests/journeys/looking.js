/* What a page is looked at for, run inside it by looking.py beside axe. */
window.look = (() => {
  'use strict';
  const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const LINE_MIN = 1.29; // 1.3, and what rounding takes; only where text has more lines than one
  const TARGETS = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button]';

  const say = (node) => `${node.tagName}.${String(node.className.baseVal ?? node.className).trim()}: ${(node.textContent || node.name || '').trim().slice(0, 20)}`;
  const isShown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0
    && !node.closest('.visually-hidden, .skip, noscript, option');

  function linesOf(text) {
    const range = document.createRange();
    range.selectNodeContents(text);
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
  }

  async function violations(runOnly) {
    const found = await axe.run(document, { runOnly, resultTypes: ['violations'], preload: false });
    return found.violations.map((v) => `${v.id}: ` + v.nodes.map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join(' | '));
  }

  function frame() {
    const faults = [];
    const headings = document.querySelectorAll('h1').length;
    if (headings !== 1) faults.push(`has ${headings} first headings`);
    if (!document.title.replace(/·.*/, '').trim()) faults.push('has no title');
    for (const number of ['12333', '96102']) { // a machine in a hall cannot call: it says the number without a link
      if (!document.querySelector(`a[href="tel:${number}"], [data-hotline="${number}"]`)) faults.push(`does not say ${number}`);
    }
    return faults;
  }

  function smallPrint(least) {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = new Set();
    while (walker.nextNode()) {
      const holder = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || !isShown(holder)) continue;
      const style = getComputedStyle(holder);
      if (parseFloat(style.fontSize) < least) found.add(`small print ${say(holder)}`);
      if (parseFloat(style.lineHeight) < parseFloat(style.fontSize) * LINE_MIN && linesOf(walker.currentNode) > 1) found.add(`tight lines ${say(holder)}`);
    }
    return [...found];
  }

  /* A link in running text may be as high as its line (WCAG 2.2, 2.5.8 Inline); a box to tick is hit by its label too. */
  function smallTargets(least) {
    const found = [];
    for (const node of document.querySelectorAll(TARGETS)) {
      if (!isShown(node)) continue;
      const isInText = node.parentElement.textContent.trim().length > node.textContent.trim().length;
      if (node.tagName === 'A' && isInText && getComputedStyle(node).display === 'inline') continue;
      const own = node.getBoundingClientRect();
      const isMark = ['radio', 'checkbox', 'file'].includes(node.type);
      const boxes = isMark ? [own, ...[...node.labels].map((label) => label.getBoundingClientRect())] : [own];
      const height = Math.max(...boxes.map((box) => box.height));
      const width = Math.max(...boxes.map((box) => box.width));
      if (height < least - 0.5 || width < least - 0.5) found.push(`small target ${Math.round(width)}x${Math.round(height)} ${say(node)}`);
    }
    return found;
  }

  function sideways() {
    const room = document.documentElement.clientWidth;
    const beyond = document.documentElement.scrollWidth - room;
    if (beyond <= 0) return [];
    const isKept = (node) => node !== document.body && (getComputedStyle(node).overflowX !== 'visible' || isKept(node.parentElement));
    const wide = [...document.body.querySelectorAll('*')].filter((node) => node.getBoundingClientRect().right > room + 1);
    const guilty = wide.filter((node) => !isKept(node.parentElement));
    return [`scrolls sideways by ${beyond} px at ${room}: ${guilty.slice(-3).map(say).join(', ')}`];
  }

  return {
    sideways,
    smallPrint,
    violations: () => violations(TAGS),
    dark: () => violations({ type: 'rule', values: ['color-contrast'] }),
    seen: async ({ isLarge, leastText, leastTarget }) => [
      ...await violations(TAGS), ...frame(), ...(isLarge ? [...smallPrint(leastText), ...smallTargets(leastTarget)] : []), ...sideways(),
    ],
  };
})();
