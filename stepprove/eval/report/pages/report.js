"use strict";
// Everything that a model, Lean or a benchmark wrote reaches the page as text (textContent), never as HTML.
(() => {
  const find = (id) => document.getElementById(id);
  const make = (tag, look, text) => {
    const made = document.createElement(tag);
    if (look) made.className = look;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  const KEYWORDS = new Set(("abbrev axiom by calc cases class decreasing_by def deriving do else end example exact extends fun have if import in " +
    "induction inductive infix instance intro lemma let local macro match mutual namespace noncomputable notation obtain omit open opaque private " +
    "protected rcases refine section set_option show structure suffices syntax termination_by then theorem universe variable where with").split(" "));
  const TOKEN = /(--[^\n]*|\/-[^]*?(?:-\/|$))|("(?:\\[^]?|[^"\\])*"?)|([\p{L}_][\p{L}\p{N}_.'!?₀-₉]*)|(\b\d+(?:\.\d+)?)/gu;

  /** A block of Lean code, coloured. */
  function lean(code) {
    const block = make("pre", "code");
    let at = 0;
    for (const token of code.matchAll(TOKEN)) {
      const look = token[1] ? "t-note" : token[2] ? "t-text" : token[4] ? "t-num"
        : /^(sorry|admit)$/.test(token[3]) ? "t-bad" : KEYWORDS.has(token[3]) ? "t-key" : "";
      if (!look) continue;
      block.append(code.slice(at, token.index), make("span", look, token[0]));
      at = token.index + token[0].length;
    }
    block.append(code.slice(at));
    return block;
  }

  const PARTS = /<(sketch|REPL)>([^]*?)(?:<\/\1>|(?![^]))|```[ \t]*\w*\n([^]*?)(?:```|(?![^]))|^\[Lean\] ([^\n]*)/gm;

  /** What happened in an attempt: words as they are, sketches and blocks coloured, Lean's answers set apart. */
  function trace(text) {
    const box = make("div");
    let at = 0;
    const words = (part) => part.trim() && box.append(make("pre", "words", part.trim()));
    for (const part of text.matchAll(PARTS)) {
      words(text.slice(at, part.index));
      const said = part[1] === "REPL" ? part[2] : part[4];
      box.append(said === undefined ? lean((part[2] ?? part[3]).trim()) : make("pre", "said", said.trim()));
      at = part.index + part[0].length;
    }
    words(text.slice(at));
    return box;
  }

  /** A part that is drawn when it is first unfolded. */
  function fold(summary, draw, open) {
    const box = make("details"), head = make("summary");
    head.append(...summary);
    box.append(head);
    const fill = () => {
      if (!box.open || box.children.length > 1) return;
      const inside = make("div", "in");
      inside.append(...draw());
      box.append(inside);
    };
    box.addEventListener("toggle", fill);
    if (open) { box.open = true; fill(); }
    return box;
  }

  function attempt(data, number, open) {
    if (!data) return fold([make("span", "badge", "never made"), make("b", "", `attempt ${number}`)], () => [], false);
    const costs = [data.interactions && plural(data.interactions, "interaction"), data.tokens && plural(data.tokens, "token"), `${data.seconds.toFixed(1)} s`];
    return fold([
      make("span", `badge ${data.outcome}`, data.outcome), make("b", "", `attempt ${number}`), make("span", "", data.reason),
      make("span", "soft", costs.filter(Boolean).join(" · ")),
    ], () => {
      const parts = [];
      if (data.candidate) parts.push(make("h3", "", data.outcome === "proved" ? "The proof" : data.outcome === "equivalent" ? "The statement" : data.outcome === "disproved" ? "The disproof" : "What was judged last"), lean(data.candidate));
      if (data.errors.length) parts.push(make("h3", "", "What Lean found wrong"), ...data.errors.map((error) => make("pre", "error", error)));
      if (data.trace) parts.push(fold([make("span", "", "What happened")], () => [trace(data.trace)], false));
      if (!parts.length) parts.push(make("p", "soft", "Nothing more was kept of this attempt."));
      return parts;
    }, open);
  }

  // ---- unfolding a problem
  const body = find("list").tBodies[0];
  const rows = [...body.rows];
  const raw = (row) => find("d" + row.id.slice(1)).textContent;

  function unfold(row, open) {
    const button = row.querySelector("td.name button");
    if (!row.more) {
      const data = JSON.parse(raw(row));
      const more = make("tr", "more"), cell = make("td");
      more.id = "m" + row.id.slice(1);
      cell.colSpan = row.cells.length;
      if (data.broken) cell.append(make("h3", "", "Known to be broken"), make("pre", "words", data.broken));
      if (data.informal) cell.append(make("h3", "", "In words"), make("pre", "words", data.informal));
      cell.append(make("h3", "", "The statement"), lean(data.source), make("h3", "", data.attempts.length === 1 ? "The attempt" : "The attempts"));
      const best = data.attempts.findIndex((each) => each && each.success);
      data.attempts.forEach((each, i) => cell.append(attempt(each, i + 1, i === best || data.attempts.length === 1)));
      more.append(cell);
      row.more = more;
      button.setAttribute("aria-controls", more.id);
      row.after(more);
    }
    row.more.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  }

  body.addEventListener("click", (event) => {
    const row = event.target.closest("td.name button")?.closest("tr");
    if (row) unfold(row, !row.more || row.more.hidden);
  });

  function follow() {
    const row = /^#p\d+$/.test(location.hash) && find(location.hash.slice(1));
    if (!row) return;
    if (row.hidden) reset();
    unfold(row, true);
    row.scrollIntoView();
  }
  window.addEventListener("hashchange", follow);

  // ---- filters
  const text = find("text"), outcome = find("outcome"), broken = find("broken");
  const coded = (words) => JSON.stringify(words).slice(1, -1).replace(/[<>&]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

  function filter() {
    const pattern = text.value && new RegExp(coded(text.value).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    const plain = text.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!outcome.value || row.dataset.has.split(" ").includes(outcome.value))
        && (!broken || !broken.value || (broken.value === "broken") === ("broken" in row.dataset))
        && (!pattern || row.cells[1].textContent.toLowerCase().includes(plain) || pattern.test(raw(row)));
      row.hidden = !fits;
      if (row.more) row.more.hidden = !fits || row.querySelector("td.name button").getAttribute("aria-expanded") !== "true";
      shown += fits;
    }
    find("shown").textContent = shown === rows.length ? plural(shown, "problem") : `${shown.toLocaleString("en")} of ${plural(rows.length, "problem")}`;
  }
  function reset() {
    text.value = outcome.value = "";
    if (broken) broken.value = "";
    filter();
  }
  let waiting;
  text.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 150); });
  outcome.addEventListener("change", filter);
  broken?.addEventListener("change", filter);
  find("reset").addEventListener("click", reset);
  for (const link of document.querySelectorAll("[data-show]"))
    link.addEventListener("click", () => { reset(); outcome.value = link.dataset.show; filter(); });

  // ---- sorting: what has no value stands last, whichever way
  const heads = [...document.querySelectorAll("#list th[data-by]")];
  for (const head of heads) {
    const button = make("button", "", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const at = head.cellIndex, number = head.dataset.by === "number";
      const keys = new Map(rows.map((row) => [row, number ? row.cells[at].dataset.v : row.cells[at].textContent]));
      const by = new Intl.Collator("en", { numeric: true }).compare;
      const sign = down ? -1 : 1;
      const sorted = [...rows].sort((a, b) => {
        const x = keys.get(a), y = keys.get(b);
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (number ? x - y : by(x, y));
      });
      body.remove();
      body.replaceChildren(); // rows that have no place yet are put in order hundreds of times faster
      for (const row of sorted) { body.append(row); if (row.more) body.append(row.more); }
      find("list").append(body);
    });
  }

  // ---- dark and light
  const theme = find("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { document.documentElement.dataset.theme = isDark() ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();
  theme.hidden = false;
  document.querySelector(".tools").hidden = false;
  filter();
  follow();
})();
