/* Keeps the page of a batch up to date until every file is read. Reloading begins where it stands. */
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".progress[data-address]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const summary = box.querySelector(".summary");
  const files = document.getElementById("files");
  let shown = "";

  async function ask() {
    let isDone = false;
    try {
      const answer = await fetch(box.dataset.address, { headers: { Accept: "application/json" } });
      if (answer.redirected || !answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      bar.max = news.total;
      bar.value = news.done;
      if (summary.textContent !== news.summary) summary.textContent = news.summary;
      if (news.files !== shown) {
        // A link that has the focus keeps it.
        const focused = document.activeElement?.getAttribute("href");
        files.innerHTML = news.files;
        shown = news.files;
        if (focused) files.querySelector(`a[href="${focused.replace(/["\\]/g, "\\$&")}"]`)?.focus();
      }
      isDone = news.done >= news.total;
    } catch {
      summary.textContent = "暫時未能取得進度，正在重試…";
    }
    if (isDone) box.querySelector(".help").textContent = "";
    else setTimeout(ask, 1000);
  }

  setTimeout(ask, 500);
});
