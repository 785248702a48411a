/* Screens are templates of the page; this fills and shows them. Words come from the page, in its language. */

const WORDS = JSON.parse(document.getElementById("words").textContent);
const main = document.getElementById("app");

/* Words by name; {name} in them is replaced. */
export function say(name, values = {}) {
  return (WORDS[name] || name).replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

/* A copy of a template. data-text="key" takes text, data-if="key" stays only if the value is true, data-unless the opposite. */
export function copyOf(name, values = {}) {
  const copy = document.getElementById("t-" + name).content.cloneNode(true);
  for (const node of copy.querySelectorAll("[data-if]")) if (!values[node.dataset.if]) node.remove();
  for (const node of copy.querySelectorAll("[data-unless]")) if (values[node.dataset.unless]) node.remove();
  for (const node of copy.querySelectorAll("[data-text]")) {
    const value = values[node.dataset.text];
    node.textContent = value === undefined || value === null ? "" : value;
  }
  return copy;
}

/* Shows a screen and puts the reader at its heading. Returns the place, to look things up in. */
export function show(name, values = {}) {
  main.replaceChildren(copyOf(name, values));
  main.dataset.screen = name;
  document.body.classList.toggle("is-for-resident", Boolean(main.querySelector("[data-resident]")));
  const heading = main.querySelector("h1");
  document.title = say("title"); // never the heading: the browser's history keeps titles, and a heading may be a name
  if (heading) {
    heading.tabIndex = -1;
    heading.focus();
  }
  scrollTo(0, 0);
  return main;
}

/* What happens when something of this place is pressed, by data-act. Problems are told, never swallowed. */
export function acts(place, handlers) {
  for (const [name, handler] of Object.entries(handlers)) {
    for (const node of place.querySelectorAll('[data-act="' + name + '"]')) {
      const isForm = node.tagName === "FORM";
      node.addEventListener(isForm ? "submit" : "click", async (event) => {
        if (isForm) event.preventDefault();
        if (node.dataset.busy) return; // pressing twice is pressing once
        node.dataset.busy = "1";
        try { await handler(event, node); } finally { delete node.dataset.busy; }
      });
    }
  }
}

/* The summary of errors above a form, each linked to its field: [[field id, words], …]. */
export function errors(place, list) {
  const box = place.querySelector("[data-errors]");
  for (const node of place.querySelectorAll("[aria-invalid]")) node.removeAttribute("aria-invalid");
  box.replaceChildren();
  box.hidden = !list.length;
  if (!list.length) return true;
  const title = document.createElement("h2"), items = document.createElement("ul");
  title.textContent = say("problem");
  for (const [field, words] of list) {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = "#" + field;
    link.textContent = words;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const target = document.getElementById(field);
      if (target) target.focus();
    });
    item.append(link);
    items.append(item);
    const target = document.getElementById(field);
    if (target) target.setAttribute("aria-invalid", "true");
  }
  box.append(title, items);
  box.tabIndex = -1;
  box.focus();
  return false;
}

/* A line at the top for everybody, read out; kind "good", "warn" or "bad". Empty words hide it. */
export function notice(words, kind = "good", { link = "", linkWords = "" } = {}) {
  const box = document.getElementById("notice");
  box.className = "notice is-" + kind;
  box.replaceChildren(words);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = linkWords;
    box.append(" ", anchor);
  }
  box.hidden = !words;
}
