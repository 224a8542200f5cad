/* Keeps the panel of a mailing up to date until nothing will change by itself. */
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.querySelector(".mailing-progress[data-address]");
  if (!panel?.dataset.address) return;
  const told = panel.querySelector(".told");
  const parts = ["figures", "controls", "steps"]
    .map((name) => [name, panel.querySelector(`.${name}`)])
    .filter(([, place]) => place);
  const shown = {};
  let pause = 2000; // milliseconds, doubled while nobody answers

  function show(news) {
    for (const [name, place] of parts) {
      if (news[name] === shown[name]) continue;
      if (name === "controls" && shown[name] === undefined) {
        shown[name] = news[name]; // the page has just come; what is typed there stays
        continue;
      }
      const value = place.contains(document.activeElement) ? document.activeElement.value : "";
      place.innerHTML = news[name];
      shown[name] = news[name];
      // Who stood on a button that is still there stands on it again.
      if (value) [...place.querySelectorAll("button")].find((one) => one.value === value)?.focus();
    }
    if (told.textContent !== news.told) told.textContent = news.told;
  }

  async function ask() {
    try {
      const answer = await fetch(panel.dataset.address, { headers: { Accept: "application/json" } });
      if (answer.redirected || (answer.status >= 400 && answer.status < 500)) {
        told.textContent = "登入已過期；請重新載入這一頁。";
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      show(news);
      if (news.next === null) return;
      pause = news.next;
    } catch {
      told.textContent = "暫時未能取得進度，正在重試…";
      pause = Math.min(2 * pause, 30000);
    }
    setTimeout(ask, pause);
  }

  setTimeout(ask, pause);
});
