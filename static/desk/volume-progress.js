/* Keeps the panel of a volume up to date until its PDF is made, or refused. */
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("volume-pdf");
  const box = panel?.querySelector(".progress[data-address]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const summary = box.querySelector(".summary");

  async function ask() {
    try {
      const answer = await fetch(box.dataset.address, { headers: { Accept: "application/json" } });
      if (answer.redirected || !answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      if (news.panel) {
        panel.innerHTML = news.panel;
        return;
      }
      bar.max = news.total;
      bar.value = news.done;
      if (summary.textContent !== news.summary) summary.textContent = news.summary;
    } catch {
      summary.textContent = "暫時未能取得進度，正在重試…";
    }
    setTimeout(ask, 1000);
  }

  setTimeout(ask, 500);
});
