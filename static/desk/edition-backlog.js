/* Finding among many entries that wait for an edition. What is ticked stays in sight. */
document.addEventListener("DOMContentLoaded", () => {
  const tools = document.querySelector(".backlog-tools");
  if (!tools) return;
  const words = document.getElementById("backlog-words");
  const state = document.getElementById("backlog-state");
  const told = document.getElementById("backlog-told");
  const rows = [...document.querySelectorAll(".backlog-list tbody tr")];
  tools.hidden = rows.length < 6;

  const sought = (row) => `${row.querySelector(".headline").textContent} ${row.querySelector(".themes").textContent}`.toLowerCase();

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const fits = wanted.every((word) => sought(row).includes(word))
        && (!state.value || row.dataset.state === state.value);
      row.hidden = !fits && !row.querySelector("input").checked;
    }
    const shown = rows.filter((row) => !row.hidden).length;
    told.textContent = shown === rows.length ? `共${rows.length}篇` : `${shown}篇，共${rows.length}篇`;
  }

  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // would save the edition
  });
  filter();
});
