/* Keeps the panel of a volume up to date until its PDF is made, or refused. */
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("volume-pdf");
  const box = panel?.querySelector(".progress[data-address]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const summary = box.querySelector(".summary");

  let pause = 1000; // milliseconds, doubled while nobody answers

  async function ask() {
    try {
      const answer = await fetch(box.dataset.address, { headers: { Accept: "application/json" } });
      if (answer.redirected || (answer.status >= 400 && answer.status < 500)) {
        summary.textContent = "登入已過期，或這本合訂本已刪除；請重新載入這一頁。";
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      if (news.panel) {
        panel.innerHTML = news.panel;
        return;
      }
      pause = 1000;
      bar.max = news.total;
      bar.value = news.done;
      if (summary.textContent !== news.summary) summary.textContent = news.summary;
    } catch {
      summary.textContent = "暫時未能取得進度，正在重試…";
      pause = Math.min(2 * pause, 30000);
    }
    setTimeout(ask, pause);
  }

  setTimeout(ask, 500);
});
