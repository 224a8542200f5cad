/* Ordering an edition's entries without a mouse: ▲ and ▼ move a row as dragging would, dragging
   renumbers what ▲ and ▼ show, and who can't see it is told where a row went. */
document.addEventListener("DOMContentLoaded", () => {
  const body = document.querySelector("fieldset.sortable tbody");
  if (!body) return;
  const told = document.getElementById("move-told");

  function renumber(moved) {
    const rows = [...body.rows];
    rows.forEach((row, index) => {
      row.querySelector("input._reorder_").value = index + 1;
      row.querySelector(".place").textContent = index + 1;
    });
    const headline = moved.querySelector(".headline a").textContent;
    told.textContent = `「${headline}」現在是第${rows.indexOf(moved) + 1}篇，共${rows.length}篇。`;
  }

  body.addEventListener("click", ({ target }) => {
    const row = target.closest("tr");
    if (target.dataset.move === "up") row.previousElementSibling?.before(row);
    else if (target.dataset.move === "down") row.nextElementSibling?.after(row);
    else return;
    renumber(row);
    target.focus(); // moving a row takes the focus from its button
  });

  body.addEventListener("end", ({ item }) => renumber(item)); // SortableJS says so after a drop
});
