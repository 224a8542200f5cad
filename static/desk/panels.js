/* The panels beside an entry's text, as tabs (the ARIA pattern: arrows move, the focus follows).
   The one last chosen is shown again on the next page. */
document.addEventListener("DOMContentLoaded", () => {
  const list = document.querySelector(".panels [role=tablist]");
  if (!list) return;
  const tabs = [...list.querySelectorAll("[role=tab]")];

  function choose(tab) {
    for (const other of tabs) {
      const isChosen = other === tab;
      other.setAttribute("aria-selected", isChosen);
      other.tabIndex = isChosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !isChosen;
    }
    sessionStorage.setItem("panel", tab.id);
    tab.dispatchEvent(new CustomEvent("panel:chosen", { bubbles: true }));
  }

  list.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length);
    choose(next);
    next.focus();
  });

  const last = document.getElementById(sessionStorage.getItem("panel"));
  if (tabs.includes(last)) choose(last);
});
