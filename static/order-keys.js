/* Ordering an edition's entries without a mouse: ▲ and ▼ move a row as dragging would, and
   dragging renumbers what ▲ and ▼ show. */
document.addEventListener("DOMContentLoaded", () => {
  const body = document.querySelector("fieldset.sortable tbody");
  if (!body) return;

  function renumber() {
    [...body.rows].forEach((row, index) => {
      row.querySelector("input._reorder_").value = index + 1;
      row.querySelector(".place").textContent = index + 1;
    });
  }

  body.addEventListener("click", ({ target }) => {
    const row = target.closest("tr");
    if (target.dataset.move === "up") row.previousElementSibling?.before(row);
    else if (target.dataset.move === "down") row.nextElementSibling?.after(row);
    else return;
    renumber();
    target.focus(); // moving a row takes the focus from its button
  });

  body.addEventListener("end", renumber); // SortableJS says so when a row was dropped
});
