/* The house style check: asks about what the form holds now, lists what was found beside it, marks
   it in the rich text editor, and changes the text only where somebody presses the button for it,
   by the editor's own means, so that it can be undone. */
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.querySelector("[data-house-style]");
  const inputs = { headline: document.getElementById("id_headline"), lead: document.getElementById("id_lead") };
  const textarea = document.getElementById("id_body");
  if (!panel || !textarea) return;
  const form = textarea.form;
  const PAUSE = 700; // milliseconds without a key before the next check
  const CONTEXT = 12; // characters shown on either side of a place
  const FIELDS = { headline: "標題", lead: "導言", body: "短評" };
  const SEVERITIES = { error: "應改正", warning: "宜留意", suggestion: "建議" };
  const summary = panel.querySelector(".summary");
  const list = panel.querySelector(".findings");
  const showSkipped = panel.querySelector("[data-show-skipped]");

  let findings = [];
  let total = 0;
  let editor = null;
  let marks = null; // the editor's plugin that carries them along as the text changes

  /* ------------------------------------------------------------------ the text, and places in it */
  const BLANK = /^[ \t\r\n\f\u00a0\u3000]*$/;
  const LEAVES = (node) => (node.type.name === "hardBreak" ? "\n" : "\ufffc");

  /** The editor's text blocks as the server counts them: [{ from, text }]. */
  function listBlocks() {
    const blocks = [];
    editor.state.doc.descendants((node, position) => {
      if (!node.isTextblock) return true;
      const text = node.textBetween(0, node.content.size, null, LEAVES);
      if (node.type.name === "heading" || !BLANK.test(text)) blocks.push({ from: position + 1, text });
      return false;
    });
    return blocks;
  }

  /** The one that is meant or, where the two sides count differently, the nearest that has it. */
  function findBlock({ block, start, end, quote }, blocks) {
    if (!blocks) return null;
    const reads = ({ text }) => text.slice(countUnits(text, start), countUnits(text, end)) === quote;
    const distance = (other) => Math.abs(blocks.indexOf(other) - block);
    if (blocks[block] && reads(blocks[block])) return blocks[block];
    return blocks.filter(reads).sort((one, other) => distance(one) - distance(other))[0] ?? null;
  }

  /** The nth picture, table or note, which has no text to be found by. */
  function findElement({ element, block }) {
    const names = { picture: ["figure", "image"], table: ["table"], note: ["note"] }[element];
    let found = null;
    let number = 0;
    editor.state.doc.descendants((node, position) => {
      if (!names.includes(node.type.name)) return true;
      if (number++ === block) found = { from: position, to: position + node.nodeSize };
      return element === "table"; // a table may stand in another, a picture in no other
    });
    return found;
  }

  /** The server counts characters, the browser halves of them where one needs two. */
  const countUnits = (text, characters) => [...text].slice(0, characters).join("").length;

  function locate(finding, blocks) {
    if (finding.element) return { ...finding, context: null, range: editor && findElement(finding) };
    const block = finding.field === "body" ? findBlock(finding, blocks) : { from: 0, text: inputs[finding.field].value };
    if (!block) return { ...finding, context: null, range: null };
    const start = countUnits(block.text, finding.start);
    const end = countUnits(block.text, finding.end);
    return {
      ...finding,
      context: [block.text.slice(Math.max(0, start - CONTEXT), start), block.text.slice(end, end + CONTEXT)],
      range: block.text.slice(start, end) === finding.quote ? { from: block.from + start, to: block.from + end } : null,
    };
  }

  /** Where it stands now, or null if what stood there has changed since. */
  function findNow(finding) {
    if (!finding.range) return null;
    if (finding.field !== "body") {
      const { from, to } = finding.range;
      return inputs[finding.field].value.slice(from, to) === finding.quote ? finding.range : null;
    }
    const mark = marks?.getState(editor.state).find(undefined, undefined, (spec) => spec.id === finding.id)[0];
    if (!mark) return null;
    if (finding.element) return mark;
    return editor.state.doc.textBetween(mark.from, mark.to, null, LEAVES) === finding.quote ? mark : null;
  }

  /* ------------------------------------------------------------------------------------ asking */
  let timer = null;
  let asked = null; // the request under way

  const read = () => ({
    headline: inputs.headline?.value ?? "",
    lead: inputs.lead?.value ?? "",
    body: editor ? editor.getHTML() : textarea.value,
  });

  function checkSoon() {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  }

  async function check() {
    clearTimeout(timer);
    asked?.abort();
    const request = (asked = new AbortController());
    const texts = read();
    try {
      const response = await fetch(panel.dataset.houseStyle, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
        body: JSON.stringify(texts),
        signal: request.signal,
      });
      const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
      if (!response.ok || !answer.findings) return say(answer.error ?? "暫時未能檢查；再改動文字時會重試。");
      const now = read();
      // What was asked about is not what stands there any more; the next check is on its way.
      if (Object.keys(now).some((field) => now[field] !== texts[field])) return checkSoon();
      show(answer);
    } catch (error) {
      if (error.name !== "AbortError") say("暫時未能檢查，請看看網絡。再改動文字時會重試。");
    }
  }

  /* ----------------------------------------------------------------------------------- showing */
  const MEMORY = `house-style-skipped:${panel.dataset.entry}`;
  const skipped = new Set(JSON.parse(sessionStorage.getItem(MEMORY) ?? "[]"));
  /** The same finding in the next check, though the text before it may have grown. */
  const name = ({ rule, field, quote, context, block, element }) =>
    JSON.stringify([rule, field, quote, context ?? block, element]);
  const isSkipped = (finding) => skipped.has(name(finding));
  const rememberSkipped = () => sessionStorage.setItem(MEMORY, JSON.stringify([...skipped]));

  function say(text) {
    if (summary.textContent !== text) summary.textContent = text;
  }

  function show(answer) {
    const blocks = editor && listBlocks();
    total = answer.total;
    findings = answer.findings.map((finding, id) => ({ ...locate(finding, blocks), id }));
    draw();
  }

  function draw() {
    const held = list.contains(document.activeElement) ? document.activeElement.closest("li") : null;
    const place = held ? [...list.querySelectorAll("li")].indexOf(held) : -1;
    const waiting = findings.filter((finding) => !isSkipped(finding));
    list.replaceChildren(...Object.keys(SEVERITIES).flatMap((severity) => drawGroup(severity, waiting)));
    const more = total > findings.length ? `；只列出首${findings.length}項` : "";
    say(waiting.length ? `有${waiting.length}處可以再看${more}。` : "沒有發現要改的地方。");
    const count = findings.length - waiting.length;
    showSkipped.hidden = !count;
    showSkipped.textContent = `再顯示已略過的${count}處`;
    drawBadge(waiting.length);
    drawMarks(waiting);
    // The button that was pressed is gone; the next finding takes the focus.
    if (place >= 0) list.querySelectorAll("li")[Math.min(place, waiting.length - 1)]?.querySelector(".place").focus();
  }

  function drawGroup(severity, waiting) {
    const own = waiting.filter((finding) => finding.severity === severity);
    if (!own.length) return [];
    const heading = element("h3", "", `${SEVERITIES[severity]}（${own.length}）`);
    const items = element("ol", severity);
    items.append(...own.map(drawFinding));
    return [heading, items];
  }

  function drawFinding(finding) {
    const item = element("li", finding.severity);
    const place = element("button", "place");
    place.type = "button";
    place.append(element("span", "where", `${FIELDS[finding.field]}：`), ...drawContext(finding));
    place.addEventListener("click", () => goTo(finding));
    const acts = element("p", "acts");
    for (const text of finding.suggestions) {
      const words = text.trim() ? `改為「${text}」` : text ? "改為一個空格" : "刪去";
      acts.append(button("mend", words, () => mend(finding, text)));
    }
    acts.append(button("", "略過", () => skip(finding)));
    item.append(element("p", "message", finding.message), place, acts);
    return item;
  }

  function drawContext({ context, quote, element: kind }) {
    if (kind) return [{ picture: "圖片", table: "表格", note: "註腳" }[kind], ...(quote ? [kind === "picture" ? "說明：" : "：", element("mark", "", quote)] : [])];
    if (!context) return [quote];
    const [before, after] = context.map((text) => text.replaceAll(/[\n\ufffc]/g, " "));
    return [before, element("mark", "", quote || "　"), after];
  }

  function element(tag, className, text = "") {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  }

  function button(className, text, act) {
    const made = element("button", className, text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  function drawBadge(count) {
    const tab = document.getElementById("tab-style");
    tab.querySelector(".badge")?.remove();
    tab.textContent = tab.textContent.trim();
    if (count) tab.append(" ", element("span", "badge", count));
  }

  function drawMarks(waiting) {
    if (!marks) return;
    const own = waiting.filter(({ field, range }) => field === "body" && range);
    editor.view.dispatch(editor.state.tr.setMeta(marks, own).setMeta("addToHistory", false));
  }

  /* ------------------------------------------------------------------------------------ acting */
  function goTo(finding) {
    const range = findNow(finding);
    if (finding.field !== "body") {
      const input = inputs[finding.field];
      input.focus();
      if (range) input.setSelectionRange(range.from, range.to);
      input.scrollIntoView({ block: "center" });
    } else if (!editor) {
      textarea.focus();
    } else if (!range) {
      editor.commands.focus();
    } else if (finding.element) {
      editor.chain().setNodeSelection(range.from).focus().run();
      reveal(editor.view.nodeDOM(range.from));
    } else {
      editor.chain().setTextSelection(range).focus().run();
      reveal(editor.view.domAtPos(range.from).node);
    }
    if (!range) checkSoon();
  }

  /** In the middle: the editor's own way stops at the window's edge, where the buttons lie. */
  function reveal(node) {
    const shown = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    shown?.scrollIntoView({ block: "center" });
  }

  /** Replaces only what differs: bold or a link within the words stays. */
  function mend(finding, text) {
    const range = findNow(finding);
    if (!range) return check();
    if (finding.field !== "body") {
      const input = inputs[finding.field];
      input.focus();
      input.setSelectionRange(range.from, range.to);
      // Deprecated, and the one way that the browser's own undo knows of.
      if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
        input.setRangeText(text, range.from, range.to, "end");
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }
    } else {
      const change = editor.state.tr;
      if (finding.element) {
        const { attrs } = editor.state.doc.nodeAt(range.from);
        const isNote = finding.element === "note";
        const old = isNote ? editor.storage.note.textOf(attrs.content) : attrs.caption;
        const start = countUnits(old, finding.start);
        const mended = old.slice(0, start) + text + old.slice(start + finding.quote.length);
        const words = isNote ? { content: editor.storage.note.rewrite(attrs.content, mended) } : { caption: mended };
        editor.view.dispatch(closeHistory(change.setNodeMarkup(range.from, null, { ...attrs, ...words })));
        return check();
      }
      const within = finding.quote ? text.indexOf(finding.quote) : -1;
      if (within >= 0) {
        change.insertText(text.slice(within + finding.quote.length), range.to);
        change.insertText(text.slice(0, within), range.from);
      } else {
        change.insertText(text, range.from, range.to);
      }
      // A step of its own in the history, however fast it follows on what was typed.
      editor.view.dispatch(closeHistory(change));
    }
    check();
  }

  function skip(finding) {
    skipped.add(name(finding));
    rememberSkipped();
    draw();
  }

  showSkipped.addEventListener("click", () => {
    skipped.clear();
    rememberSkipped();
    draw();
  });

  /* ------------------------------------------------------------------------------- the editor */
  let closeHistory = (change) => change;

  document.addEventListener("prose-editor:ready", async ({ detail }) => {
    if (detail.textarea !== textarea) return;
    const { pm } = await import("django-prose-editor/editor");
    closeHistory = pm.history.closeHistory;
    const { Decoration, DecorationSet } = pm.view;
    const mark = ({ id, severity, element: kind, range }) =>
      kind
        ? Decoration.node(range.from, range.to, { class: `style-mark-element style-mark-${severity}` }, { id })
        : Decoration.inline(range.from, range.to, { class: `style-mark-${severity}` }, { id });
    marks = new pm.state.Plugin({
      key: new pm.state.PluginKey("house-style"),
      state: {
        init: () => DecorationSet.empty,
        apply: (change, held) => {
          const found = change.getMeta(marks);
          return found ? DecorationSet.create(change.doc, found.map(mark)) : held.map(change.mapping, change.doc);
        },
      },
      props: { decorations: (state) => marks.getState(state) },
    });
    editor = detail.editor;
    editor.registerPlugin(marks);
    editor.on("update", checkSoon);
    check();
  });
  for (const input of Object.values(inputs)) input?.addEventListener("input", checkSoon);
  textarea.addEventListener("input", checkSoon);
  checkSoon();
});
