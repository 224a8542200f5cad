/* Review notes are written and settled without leaving the form, whose text may be unsaved. */
document.addEventListener("DOMContentLoaded", () => {
  const reviews = document.querySelector("[data-reviews]");
  const writing = document.querySelector(".writing");
  if (!reviews || !writing) return;
  const list = reviews.querySelector(".notes");
  const tab = document.getElementById("tab-reviews");

  function count(waiting) {
    tab.querySelector(".badge")?.remove();
    if (!waiting) return;
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.textContent = waiting;
    tab.append(" ", badge);
  }

  async function send(form, submitter) {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new FormData(form, submitter),
    });
    if (response.redirected || ![200, 400].includes(response.status)) throw new Error(response.status);
    return response.json();
  }

  function say(form, text) {
    const place = form.querySelector(".errors") ?? reviews.querySelector(".new-note .errors");
    if (!place) return;
    place.textContent = text;
    place.hidden = !text;
  }

  reviews.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      const answer = await send(form, event.submitter);
      say(form, (answer.errors ?? []).join(" "));
      if (answer.errors) return;
      list.innerHTML = answer.notes;
      count(answer.waiting);
      if (form.matches(".new-note")) form.reset();
      form.querySelector("textarea")?.focus();
    } catch {
      say(form, "未能送出，意見仍在這裏。請看看網絡，或是否已登出。");
    }
  });

  /* ---------------------------------------------------------------- quoting what is selected */
  const button = reviews.querySelector("[data-quote]");
  const quote = reviews.querySelector("[name=quote]");
  let selected = "";

  function readSelection() {
    const field = document.activeElement;
    if (field?.matches("textarea, input[type=text]") && writing.contains(field)) {
      return field.value.slice(field.selectionStart, field.selectionEnd);
    }
    const selection = getSelection();
    return writing.contains(selection.anchorNode) ? selection.toString() : "";
  }

  document.addEventListener("selectionchange", () => {
    if (!button || !writing.contains(document.activeElement ?? getSelection().anchorNode)) return;
    selected = readSelection().trim().replace(/\s+/g, " ").slice(0, 200);
    button.hidden = !selected;
  });
  button?.addEventListener("click", () => {
    quote.value = selected;
    reviews.querySelector("[name=text]").focus();
  });

  /* ------------------------------------------------------------- showing what a note quotes */
  function showInField(text) {
    for (const field of writing.querySelectorAll("#id_headline, #id_lead")) {
      const start = field.value.indexOf(text);
      if (start < 0) continue;
      field.focus();
      field.setSelectionRange(start, start + text.length);
      field.scrollIntoView({ block: "center" });
      return true;
    }
    return false;
  }

  /* A quotation may run over the borders of bold and links, so all text is looked at as one. */
  function showInBody(text) {
    const body = writing.querySelector(".ProseMirror, .field-body .readonly");
    if (!body) return false;
    const nodes = [];
    const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    const start = nodes.map((node) => node.data).join("").indexOf(text);
    if (start < 0) return false;
    const range = document.createRange();
    range.setStart(...locate(nodes, start));
    range.setEnd(...locate(nodes, start + text.length));
    range.startContainer.parentElement.scrollIntoView({ block: "center" });
    CSS.highlights?.set("quoted", new Highlight(range));
    return true;
  }

  function locate(nodes, offset) {
    let left = offset;
    for (const node of nodes) {
      if (left <= node.data.length) return [node, left];
      left -= node.data.length;
    }
    return [nodes.at(-1), nodes.at(-1).data.length];
  }

  list.addEventListener("click", ({ target }) => {
    const shown = target.closest("[data-find]");
    if (!shown) return;
    const text = shown.dataset.find;
    const isFound = showInField(text) || showInBody(text);
    shown.classList.toggle("gone", !isFound);
  });
});
