/* The entry's form saves itself: at once into this computer's storage, and every few seconds to
   the server, from where it is offered again after a crash, an expired login, or elsewhere. What
   the server has confirmed leaves the storage again. Nothing here changes the entry itself. */
document.addEventListener("DOMContentLoaded", () => {
  const status = document.querySelector(".draft-status");
  if (!status) return;

  const SAVE_AFTER = 2000; // milliseconds from one keeping to the next, while somebody types
  const TELL_AFTER = 15000; // how often an untouched form says that it is still open
  const RETRY_AFTER = 5000;

  const form = status.closest("form");
  const { url, login, user, entry } = status.dataset;
  const formId = form.elements._form_id.value;
  const version = Number(form.elements._version.value) || 0;
  const storagePrefix = `draft:${user}:`;
  const storageKey = storagePrefix + formId;
  const token = form.elements.csrfmiddlewaretoken;

  // ---- what is in the form: whoever wrote it, keys, the text editor, dragging or another script
  const MACHINERY = /^(_(?!opened$).*|csrfmiddlewaretoken|.*-__prefix__-.*|.*-(MIN|MAX)_NUM_FORMS)$/;

  function read() {
    const fields = {};
    for (const [name, value] of new FormData(form))
      if (typeof value === "string" && !MACHINERY.test(name)) (fields[name] ??= []).push(value);
    return JSON.stringify(fields);
  }

  const opened = read();
  // What a refused save gives back, and what was taken back, the entry does not have.
  const isNewSinceOpened = "restored" in status.dataset || form.querySelector(".errornote") !== null;
  let kept = opened; // what the server has, or need not have
  let stored = opened; // what this computer's storage has
  let changedAt = 0;
  let isSubmitting = false;
  let canStore = true;

  // ---- this computer's storage
  function store(fields) {
    stored = fields;
    changedAt = Date.now();
    try {
      const copy = { form_id: formId, entry, version, fields: JSON.parse(fields), at: changedAt };
      localStorage.setItem(storageKey, JSON.stringify(copy));
      canStore = true;
    } catch {
      canStore = false; // full, or forbidden by the browser
    }
  }

  function forget(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // There is nothing to forget where nothing may be stored.
    }
  }

  function copiesOfThisEntry() {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(storagePrefix) && key !== storageKey)
        .map((key) => ({ key, ...JSON.parse(localStorage.getItem(key)) }))
        .filter((copy) => copy.entry === entry);
    } catch {
      return [];
    }
  }

  // ---- what the editor is told
  function say(text, kind = "") {
    if (status.textContent !== text) status.textContent = text;
    status.className = `draft-status ${kind}`;
  }

  function sayLoginExpired() {
    const link = Object.assign(document.createElement("a"), {
      href: login, target: "_blank", textContent: "請在新分頁登入",
    });
    say("", "trouble");
    status.append("登入已過期，", link, "，文字不會失去。");
  }

  const TROUBLES = {
    offline: () =>
      say(canStore ? "未能連線，文字暫存在這部電腦。" : "未能連線，亦未能暫存。請勿關閉這一頁。", "trouble"),
    login: sayLoginExpired,
    stranger: () => say("你已用另一個帳戶登入，未能自動儲存；文字暫存在這部電腦。", "trouble"),
  };

  function show(selector, text) {
    const place = form.querySelector(selector);
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
  }

  // ---- the server
  /** The answer, with what it has `told` us if that is JSON; null if none came, or half of one. */
  async function ask(options) {
    try {
      // A login page would be the answer to a redirect; not followed, it is told from a failure.
      const answer = await fetch(url, { redirect: "manual", ...options });
      const isJSON = answer.headers.get("Content-Type") === "application/json";
      return { type: answer.type, code: answer.status, told: isJSON ? await answer.json() : null };
    } catch {
      return null;
    }
  }

  /** "ok", a trouble's name, or "refused"; after a new login the page's forms get their new token. */
  async function meet() {
    const answer = await ask({});
    if (answer?.type === "opaqueredirect") return "login";
    if (answer?.code === 403) return "refused";
    if (!answer?.told) return "offline";
    if (String(answer.told.user) !== user) return "stranger";
    for (const field of document.getElementsByName("csrfmiddlewaretoken"))
      field.value = answer.told.token;
    return "ok";
  }

  async function post(message, { isLeaving = false } = {}) {
    const send = () =>
      ask({
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token.value },
        body: JSON.stringify(message),
        keepalive: isLeaving,
      });
    let answer = await send();
    if (answer?.code === 403 && !answer.told) {
      const outcome = await meet();
      if (outcome !== "ok") return { outcome };
      answer = await send();
    }
    if (answer?.type === "opaqueredirect") return { outcome: "login" };
    if (!answer?.told) return { outcome: answer && answer.code < 500 ? "refused" : "offline" };
    return { outcome: answer.code === 200 ? "ok" : "refused", ...answer.told };
  }

  const describe = (fields) => ({
    form_id: formId,
    entry: entry ? Number(entry) : null,
    version,
    fields: fields === null ? null : JSON.parse(fields),
    as_opened: fields === opened && !isNewSinceOpened,
  });

  let last = Promise.resolve({ outcome: "ok" }); // one at a time, or an older text could arrive later
  let isBusy = false;
  let lastAsked = Date.now();
  let hadTrouble = false;

  /** Has the server keep the fields; with null, only tells it that the form is open. */
  function tell(fields) {
    isBusy = true;
    last = last.then(async () => {
      const answer = await post(describe(fields));
      lastAsked = Date.now();
      isBusy = false;
      hadTrouble = answer.outcome !== "ok";
      if (answer.outcome === "ok") {
        show(".draft-others", answer.others ?? "");
        show(".draft-notice", answer.notice ?? "");
        if (fields !== null) {
          kept = fields;
          if (stored === fields) forget(storageKey);
          say(fields === opened && !isNewSinceOpened ? "" : `已自動儲存 ${answer.saved_at}`);
          document.dispatchEvent(new CustomEvent("draft:kept"));
        } else if (kept === stored && status.classList.contains("trouble")) say("");
      } else {
        if (answer.outcome === "refused") say(answer.trouble ?? "未能自動儲存。", "trouble");
        else TROUBLES[answer.outcome]();
      }
      return answer;
    });
    return last;
  }

  function look() {
    const now = read();
    if (now !== stored) store(now);
    if (isBusy || isSubmitting) return;
    const since = Date.now() - lastAsked;
    if (now !== kept && since >= (hadTrouble ? RETRY_AFTER : SAVE_AFTER)) tell(now);
    else if (since >= (hadTrouble ? RETRY_AFTER : TELL_AFTER)) tell(null);
  }
  setInterval(look, 1000);
  form.addEventListener("input", () => setTimeout(look));

  // Whoever wants to show the text as it now is: `await detail.kept`.
  document.addEventListener("draft:wanted", (event) => {
    const now = read();
    event.detail.kept = now === kept ? last : tell(now);
  });

  // ---- leaving
  function leave(isLeaving) {
    const now = read();
    if (now !== stored) store(now);
    if (isSubmitting) return;
    const message = { ...describe(now === kept ? null : now), leaving: isLeaving };
    if (isLeaving || now !== kept) post(message, { isLeaving: true });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave(false);
  });
  addEventListener("pagehide", () => leave(true));
  addEventListener("beforeunload", (event) => {
    if (!isSubmitting && !canStore && read() !== kept) event.preventDefault();
  });

  // ---- saving: only with a login, for the login page would swallow what is posted to it
  form.addEventListener("submit", async (event) => {
    if (isSubmitting) return;
    event.preventDefault();
    const { outcome } = await tell(read());
    if (outcome in TROUBLES) {
      status.scrollIntoView({ block: "nearest" });
      return;
    }
    isSubmitting = true;
    form.requestSubmit(event.submitter);
    forget(storageKey);
  });

  // ---- what an earlier form could not bring to the server
  async function bringCopies() {
    let brought = 0;
    for (const { key, at, ...copy } of copiesOfThisEntry()) {
      const age = Math.max(0, Math.round((Date.now() - at) / 1000));
      const message = { ...copy, entry: copy.entry ? Number(copy.entry) : null, age };
      const { outcome } = await post(message);
      if (outcome !== "ok") continue;
      forget(key);
      brought += 1;
    }
    // The server then offers them, unless somebody has begun to write here.
    if (brought && read() === opened && !isNewSinceOpened) location.reload();
  }
  bringCopies();

  // Beside the buttons, which stay in sight.
  const buttons = form.querySelector(".submit-row");
  buttons?.prepend(form.querySelector(".draft-notice"));
  buttons?.append(status);
});
