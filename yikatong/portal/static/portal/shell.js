/* What every page does with a script; without it nothing here is missed but the warning and the voice.
   1. Reading aloud with the browser's own voice. 2. A warning before the session ends, and its extension. 3. Menus that close. */
(() => {
  'use strict';

  // --- 1. reading aloud ---------------------------------------------------------------------------------------------------------
  const aloud = document.querySelector('[data-read]');
  const voice = window.speechSynthesis;
  const PART_LENGTH = 160; // some browsers fall silent in the middle of longer utterances
  const BLOCKS = 'ADDRESS,ARTICLE,BLOCKQUOTE,BUTTON,DD,DIV,DT,FIELDSET,FIGCAPTION,FORM,H1,H2,H3,H4,LABEL,LEGEND,LI,P,SECTION,SUMMARY,TABLE,TD,TH,TR,UL,OL,DL,OPTION';

  function spoken(root) {
    const blocks = new Set(BLOCKS.split(','));
    let text = '';
    const walk = (node) => {
      if (node.nodeType === Node.TEXT_NODE) { text += node.textContent; return; }
      if (node.nodeType !== Node.ELEMENT_NODE || node.matches('script, style, noscript, select, textarea, [aria-hidden=true], [hidden]')) return;
      if (!node.checkVisibility()) return;
      if (node.matches('img[alt], svg[aria-label]')) text += (node.getAttribute('alt') || node.getAttribute('aria-label') || '') + '\n';
      const isBlock = blocks.has(node.tagName);
      if (isBlock) text += '\n';
      node.childNodes.forEach(walk);
      if (isBlock) text += '\n';
    };
    walk(root);
    return text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim()).filter(Boolean);
  }

  function parts(lines) {
    return lines.flatMap((line) => {
      const sentences = line.match(/[^。！？；.!?;]+[。！？；.!?;]*/g) || [line];
      return sentences.flatMap((one) => one.match(new RegExp(`.{1,${PART_LENGTH}}`, 'gu')) || []);
    });
  }

  if (aloud && voice && 'SpeechSynthesisUtterance' in window) {
    const label = aloud.textContent;
    let reading = 0; // which reading this is: a stopped one must not go on
    const show = (isOn) => { aloud.setAttribute('aria-pressed', String(isOn)); aloud.textContent = isOn ? aloud.dataset.stop : label; };
    const stop = () => { reading += 1; voice.cancel(); show(false); };
    const speak = (rest, mine) => {
      if (mine !== reading) return;
      if (!rest.length) { show(false); return; }
      const one = new SpeechSynthesisUtterance(rest[0]);
      one.lang = document.documentElement.lang;
      const family = one.lang.slice(0, 2);
      one.voice = voice.getVoices().find((v) => v.lang === one.lang) || voice.getVoices().find((v) => v.lang.startsWith(family)) || null;
      one.rate = document.body.dataset.text ? 0.9 : 1;
      one.onend = () => speak(rest.slice(1), mine);
      one.onerror = (event) => {
        if (mine !== reading) return; // stopped by hand
        stop();
        if (!['canceled', 'interrupted'].includes(event.error)) aloud.textContent = aloud.dataset.none;
      };
      voice.speak(one);
    };
    aloud.hidden = false;
    aloud.addEventListener('click', () => {
      if (aloud.getAttribute('aria-pressed') === 'true') { stop(); return; }
      reading += 1;
      voice.cancel();
      show(true);
      speak(parts(spoken(document.getElementById('main'))), reading);
    });
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && aloud.getAttribute('aria-pressed') === 'true') stop(); });
    window.addEventListener('pagehide', stop);
  }

  // --- 2. the end of the session ------------------------------------------------------------------------------------------------
  const warning = document.getElementById('session-end');
  if (warning) {
    const WARN_S = 300; // WCAG 2.2.1 asks for 20 s at least; older people need more
    const WORTH_S = 60; // less than this is no extension
    const ENDS = 'session_ends_at'; // shared by all tabs: going on in one goes on in all
    const LAST = 'session_last_end'; // and so is the end that nothing puts off
    const text = document.getElementById('session-text');
    const minutes = text.querySelector('[data-minutes]');
    const usual = [...text.childNodes];
    const form = warning.querySelector('form');
    const final = warning.querySelector('[data-final]');
    const now = () => Date.now() / 1000;
    let life = Number(warning.dataset.left);
    const warnAt = Math.min(WARN_S, life * 0.8);
    const store = (seconds) => { life = seconds; try { localStorage.setItem(ENDS, String(now() + seconds)); } catch { ends = now() + seconds; } };
    let ends = now() + life;
    const endsAt = () => { try { return Number(localStorage.getItem(ENDS)) || ends; } catch { return ends; } };
    store(life);
    const last = now() + Number(warning.dataset.most);
    try { localStorage.setItem(LAST, String(last)); } catch { /* this tab's own */ }
    const lastEnd = () => { try { return Number(localStorage.getItem(LAST)) || last; } catch { return last; } };
    const look = () => {
      const left = endsAt() - now();
      if (left > warnAt) { if (!warning.dataset.told) warning.hidden = true; return; }
      delete warning.dataset.told;
      if (left <= 0) { text.textContent = warning.dataset.ended; form.hidden = final.hidden = true; warning.hidden = false; return; }
      form.hidden = lastEnd() - endsAt() < WORTH_S;
      final.hidden = !form.hidden;
      const whole = String(Math.max(1, Math.ceil(left / 60)));
      if (warning.hidden || minutes.textContent !== whole) { minutes.textContent = whole; text.replaceChildren(...usual); warning.hidden = false; }
    };
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      try {
        const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { Accept: 'application/json' }, redirect: 'error' });
        store((await answer.json()).seconds_left);
        text.textContent = warning.dataset.extended;
        form.hidden = final.hidden = true;
        warning.dataset.told = '1';
        setTimeout(() => { delete warning.dataset.told; look(); }, 8000);
      } catch { form.submit(); }
    });
    setInterval(look, 1000);
    document.addEventListener('visibilitychange', look);
    look();
  }

  // --- 3. menus -----------------------------------------------------------------------------------------------------------------
  const menus = document.querySelectorAll('details.menu');
  document.addEventListener('click', (event) => menus.forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    menus.forEach((menu) => { if (menu.open) { menu.open = false; menu.querySelector('summary').focus(); } });
  });
})();
