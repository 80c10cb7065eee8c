// What pages do besides: new rows come in by themselves, keys, copying, filters. Without it everything else works.
(function () {
  "use strict";
  const body = document.body, rows = document.getElementById("rows"), announce = document.getElementById("announce");
  const say = (text) => { if (announce) announce.textContent = text; };
  const of = rows ? rows.dataset.of : "";
  const box = encodeURIComponent(body.dataset.mailbox); // that of the page, whatever another has chosen since
  const mostRows = 500; // that a page holds; older ones are behind "Older"
  document.documentElement.classList.add("js");
  for (const hidden of document.querySelectorAll("[hidden]")) hidden.hidden = false; // what is of no use without a script

  // Live: the server tells that something came, and gives the rows for it.
  const title = document.title;
  let fresh = 0, busy = false, again = false;

  async function ask(search) {
    const answer = await fetch("/rows?of=" + of + "&mailbox=" + box + search, { headers: { Accept: "text/html" } });
    if (!answer.ok) return null;
    const page = new DOMParser().parseFromString("<table><tbody>" + await answer.text() + "</tbody></table>", "text/html");
    return { rows: Array.from(page.querySelectorAll("tr")), more: answer.headers.get("Parley-More") === "1" };
  }

  async function fetchRows() {
    if (!rows || rows.dataset.held) return;
    if (of === "reload") { location.reload(); return; }
    if (busy) { again = true; return; }
    busy = true;
    try {
      const got = await ask("&after=" + rows.dataset.newest);
      const first = got && got.rows.find((row) => row.dataset.id);
      if (first) {
        if (got.more) rows.replaceChildren(); // more came than a page has: these are the newest
        const known = new Set(Array.from(rows.children, (row) => row.dataset.id));
        const made = got.rows.filter((row) => !row.dataset.id || !known.has(row.dataset.id));
        fresh += made.filter((row) => row.dataset.id).length;
        rows.dataset.newest = first.dataset.id;
        for (const row of made) row.classList.add("fresh");
        rows.prepend(...made);
        while (rows.children.length > mostRows) rows.lastElementChild.remove();
        say(of === "messages" ? body.dataset.new : body.dataset.ended);
        if (document.hidden) document.title = "(" + fresh + ") " + title;
      }
    } finally {
      busy = false;
      if (again) { again = false; fetchRows(); }
    }
  }

  function removeRow(id) {
    if (!rows || !id) return;
    for (const row of rows.querySelectorAll('tr[data-id="' + id + '"], tr[data-below="' + id + '"]')) row.remove();
  }

  // What has changed is told anew in the row that it has. What a person did in that row stays.
  async function renewRow(id) {
    const find = (what) => rows.querySelector("tr[data-" + what + '="' + id + '"]');
    if (!find("id")) return false;
    const got = await ask("&after=" + (id - 1) + "&before=" + (id + 1)), old = find("id"), below = find("below");
    if (!got || !got.rows.length || !old) return true;
    const row = got.rows[0], ticked = old.querySelector("input:checked"), box = row.querySelector("input");
    row.classList.toggle("at", old.classList.contains("at"));
    if (ticked && box) box.checked = true;
    const focused = old.contains(document.activeElement);
    if (below) below.remove();
    old.replaceWith(...got.rows);
    if (focused) row.querySelector("a").focus();
    return true;
  }

  async function catchUp() {
    if (of !== "reload") { fetchRows(); return; }
    const answer = await fetch("/rows?of=" + body.dataset.page + "&mailbox=" + box + "&after=0");
    if (answer.ok && (await answer.text()).includes("<tr")) location.reload();
  }

  let events = null;
  function listen() {
    if (events || !window.EventSource || body.dataset.page.startsWith("queue")) return; // the queue's pages ask by themselves, below
    events = new EventSource("/api/v1/events");
    const on = (what, f) => events.addEventListener(what, (e) => f(JSON.parse(e.data)));
    const count = document.getElementById("count-messages"), counted = (n) => {
      if (count) count.textContent = Math.max(0, Number(count.textContent) + n);
    };
    on("message", () => { counted(1); if (of === "messages" || of === "reload") fetchRows(); });
    on("message-deleted", (e) => { counted(-1); if (of === "messages") removeRow(e.id); });
    on("seen", (e) => { if (of === "messages") renewRow(e.id); });
    // It is told of a second time when it is known whose it is.
    on("session", (e) => { if (of === "sessions") renewRow(e.id).then((had) => { if (!had) fetchRows(); }); });
    on("session-ended", (e) => {
      if (of === "sessions") renewRow(e.id).then((had) => { if (had) say(body.dataset.ended); else fetchRows(); });
      const open = document.querySelector("[data-open]");
      if (open && open.dataset.session === String(e.id)) location.reload();
    });
    on("missed", () => { if (rows) fetchRows(); });
    // What came between the page and this stream nobody has told of.
    events.addEventListener("open", catchUp);
  }
  // A browser has few connections to one server: a page that is neither seen nor a list gives its own back.
  function stop() { if (events) { events.close(); events = null; } }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) { fresh = 0; document.title = title; listen(); } else if (!rows) stop();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (e) => { if (e.persisted) { listen(); fetchRows(); } });
  listen();

  // Forms.
  const mailbox = document.getElementById("mailbox"), all = document.getElementById("select-all");
  if (mailbox) mailbox.addEventListener("change", () => mailbox.form.submit());
  if (all) all.addEventListener("change", () => {
    for (const box of rows.querySelectorAll('input[name="id"]')) box.checked = all.checked;
  });
  for (const find of document.querySelectorAll("[data-find]")) {
    find.addEventListener("input", () => {
      const words = find.value.toLowerCase().split(/\s+/);
      for (const one of document.querySelectorAll("." + find.dataset.find)) {
        const text = one.textContent.toLowerCase();
        one.hidden = !words.every((word) => text.includes(word));
      }
    });
    find.addEventListener("keydown", (e) => { if (e.key === "Enter") e.preventDefault(); });
  }

  // Copying.
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("button.copy");
    if (!button || !navigator.clipboard) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    say(body.dataset.copied);
    button.textContent = body.dataset.copied;
  });

  // Keys: they are told on the page of help.
  const at = () => rows && rows.querySelector("tr.at");
  function move(step) {
    const list = rows ? Array.from(rows.querySelectorAll("tr[data-id]")) : [];
    if (!list.length) return false;
    const now = list.indexOf(at()), next = list[Math.max(0, Math.min(list.length - 1, now + step))];
    if (now >= 0) list[now].classList.remove("at");
    next.classList.add("at");
    const link = next.querySelector("a");
    if (link) link.focus();
    return true;
  }
  const follow = (link) => { if (link) location.href = link.href; };
  const byID = (id) => document.getElementById(id);
  async function remove() {
    const form = byID("delete-form"), row = at();
    if (form) { form.requestSubmit(); return; }
    if (!row || of !== "messages") return;
    move(1);
    const answer = await fetch("/api/v1/messages/" + row.dataset.id, { method: "DELETE" });
    if (answer.ok) removeRow(row.dataset.id);
  }
  const keys = {
    j: () => { if (!move(1)) follow(byID("older")); },
    k: () => { if (!move(-1)) follow(byID("newer")); },
    o: () => follow(rows && rows.querySelector("tr.at a")),
    x: () => { const box = rows && rows.querySelector("tr.at input"); if (box) box.checked = !box.checked; },
    u: () => follow(byID("up")),
    d: remove,
    "/": () => { const query = byID("query"); if (query) query.focus(); else location.href = "/"; },
    "?": () => { location.href = "/help#keys"; },
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.target.closest("input:not([type=checkbox]):not([type=radio]), select, textarea")) return;
    const tab = /^[1-8]$/.test(e.key) && document.querySelectorAll(".tabs a")[Number(e.key) - 1];
    if (tab) follow(tab);
    else if (Object.hasOwn(keys, e.key)) { e.preventDefault(); keys[e.key](); }
  });
})();

// The queue: what changes is told anew every few seconds, as long as somebody looks.
(function () {
  "use strict";
  const parts = () => Array.from(document.querySelectorAll("[data-live]"));
  const stale = document.getElementById("stale");
  let timer = 0;
  if (!parts().length) return;

  // What a person has there stays: the row, the focus, what was opened.
  function renew(part, fresh) {
    if (part.isEqualNode(fresh) || part.querySelector("input:checked")) return; // somebody chooses
    const fields = (of) => Array.from(of.querySelectorAll("a, button, input, summary"));
    const at = part.querySelector("tr.at"), focus = fields(part).indexOf(document.activeElement);
    for (const box of fresh.querySelectorAll("details[id]")) {
      const old = document.getElementById(box.id);
      if (old) box.open = old.open;
    }
    if (at) for (const row of fresh.querySelectorAll("tr[data-id]")) row.classList.toggle("at", row.dataset.id === at.dataset.id);
    part.replaceChildren(...fresh.childNodes);
    if (!fresh.dataset.live) delete part.dataset.live; // nothing more will happen
    const again = at ? part.querySelector("tr.at a") : fields(part)[focus];
    if (focus >= 0 && again) again.focus({ preventScroll: true });
  }

  async function look() {
    try {
      const answer = await fetch(location.origin + location.pathname + location.search, { headers: { Accept: "text/html", "Parley-Live": "1" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const fresh = page.getElementById(part.id);
        if (!fresh) { location.reload(); return; } // it is another page by now
        renew(part, fresh);
      }
      if (stale) stale.textContent = "";
    } catch {
      if (stale) stale.textContent = stale.dataset.text;
    }
    wait();
  }
  function wait() {
    clearTimeout(timer);
    const every = Math.min(...parts().map((part) => Number(part.dataset.live)));
    if (!document.hidden && every < Infinity) timer = setTimeout(look, 1000 * every);
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else look(); });
  window.addEventListener("pagehide", () => clearTimeout(timer));
  window.addEventListener("pageshow", (e) => { if (e.persisted) look(); });
  wait();
})();
