/* The preview beside an entry's text: what is in the form is kept first (drafts.js), then drawn by
   the server as readers will get it. A PDF takes a second, so it is drawn only when asked for. */
document.addEventListener("DOMContentLoaded", () => {
  const preview = document.querySelector(".preview");
  if (!preview) return;

  const panel = preview.closest("[role=tabpanel]");
  const place = preview.querySelector(".preview-frame");
  const status = preview.querySelector(".preview-status");
  const whole = preview.querySelector(".preview-whole input");
  const open = preview.querySelector(".preview-open");
  const kinds = [...preview.querySelectorAll("[data-kind]")];
  const widths = [...preview.querySelectorAll("[data-width]")];
  const formId = document.querySelector("#entry_form [name=_form_id]")?.value ?? "";

  const pressed = (buttons) => buttons.find((button) => button.ariaPressed === "true");
  const isPDF = () => pressed(kinds).dataset.kind === "pdf";
  const isShown = () => !panel.hidden;

  let frame = null;
  let drawn = ""; // the address in the frame
  let wanted = 0;

  function address() {
    const query = new URLSearchParams({ entry: preview.dataset.entry, form: formId });
    if (whole.checked) query.set("whole", "1");
    return `${pressed(kinds).dataset.address}?${query}`;
  }

  function fit(one) {
    const width = isPDF() ? place.clientWidth : Number(pressed(widths).dataset.width);
    const scale = Math.min(1, place.clientWidth / width);
    one.style.width = `${width}px`;
    one.style.height = `${place.clientHeight / scale}px`;
    one.style.insetInlineStart = `${Math.max(0, (place.clientWidth - width) / 2)}px`;
    one.style.transform = `scale(${scale})`;
  }

  function makeFrame(url) {
    const made = document.createElement("iframe");
    made.title = `預覽（${pressed(kinds).textContent.trim()}）`;
    // Nothing in a preview runs; the browser's own PDF reader does not work in a sandbox.
    if (!isPDF()) made.sandbox = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
    made.src = url;
    return made;
  }

  function scrollOf(one) {
    try {
      return one?.contentWindow.scrollY ?? 0;
    } catch {
      return 0; // mail is shown as if from elsewhere
    }
  }

  /** The old one stays until the new one is there, at the place where the reader was. */
  async function draw() {
    const turn = ++wanted;
    status.textContent = isPDF() ? "正在排版…" : "";
    const request = new CustomEvent("draft:wanted", { detail: {} });
    document.dispatchEvent(request);
    const kept = await request.detail.kept;
    if (turn !== wanted) return;
    const url = address();
    open.href = url;
    const next = makeFrame(url);
    const scroll = drawn === url ? scrollOf(frame) : 0;
    next.addEventListener("load", () => {
      if (turn !== wanted) {
        next.remove();
        return;
      }
      frame?.remove();
      frame = next;
      drawn = url;
      next.style.visibility = "";
      if (scroll) next.contentWindow.scrollTo(0, scroll);
      const isOld = kept && kept.outcome !== "ok";
      status.textContent = isOld ? "未能連線，這是上次自動儲存的文字。" : "";
    });
    next.style.visibility = "hidden";
    fit(next);
    place.append(next);
  }

  function press(buttons, button) {
    for (const other of buttons) other.ariaPressed = String(other === button);
    preview.querySelector(".preview-widths").hidden = isPDF();
  }

  preview.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (kinds.includes(button)) press(kinds, button);
    if (widths.includes(button)) {
      press(widths, button);
      if (frame) fit(frame);
    } else draw();
  });
  whole.addEventListener("change", draw);
  new ResizeObserver(() => frame && fit(frame)).observe(place);

  panel.closest(".panels").addEventListener("panel:chosen", () => {
    if (isShown() && !drawn) draw();
  });
  document.addEventListener("draft:kept", () => {
    if (isShown() && drawn && !isPDF()) draw();
  });
  if (isShown()) draw();
});
