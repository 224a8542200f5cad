/* An entry's form: how long the lead is, and the order of its authors and sources. */
document.addEventListener("DOMContentLoaded", () => {
  for (const area of document.querySelectorAll("textarea[data-count]")) countCharacters(area)
  for (const body of document.querySelectorAll("fieldset.lines tbody")) keepOrder(body)
})

/* Shown at once, and told to those who hear the page when the writer pauses. */
function countCharacters(area) {
  const [least, most] = area.dataset.count.split("-").map(Number)
  const shown = document.createElement("p")
  shown.className = "count"
  shown.setAttribute("aria-hidden", "true")
  const heard = document.createElement("p")
  heard.className = "visually-hidden"
  heard.setAttribute("role", "status")
  area.after(shown, heard)

  const describe = () => {
    const count = [...area.value.replace(/\s/g, "")].length
    const remark = !count ? "" : count < least ? "，較短" : count > most ? "，較長" : ""
    shown.classList.toggle("unusual", remark !== "")
    return `${count} 字${remark}`
  }
  let waiting
  const show = () => {
    shown.textContent = describe()
    clearTimeout(waiting)
    waiting = setTimeout(() => {
      heard.textContent = `導言 ${shown.textContent}`
    }, 1500)
  }
  area.addEventListener("input", show)
  shown.textContent = describe()
}

function keepOrder(body) {
  const rows = () => [...body.querySelectorAll("tr.form-row:not(.empty-form)")]

  function number() {
    rows().forEach((row, index) => {
      const name = row.querySelector("input:not([type=hidden]),select")?.closest("td")
        .querySelector("label").textContent
      row.querySelector("input[name$=-position]").value = index + 1
      for (const button of row.querySelectorAll("[data-move]"))
        button.setAttribute("aria-label", `${button.title}第${index + 1}個${name ?? ""}`)
    })
  }

  body.addEventListener("click", ({ target }) => {
    const step = { up: -1, down: 1 }[target.dataset.move]
    if (!step) return
    const all = rows()
    const row = target.closest("tr")
    const other = all[all.indexOf(row) + step]
    if (!other) return
    if (step < 0) other.before(row)
    else other.after(row)
    number()
    target.focus() // moving a row takes the focus from its button
  })
  // Rows that were never moved keep the numbers they came with, so that nothing seems changed.
  document.addEventListener("formset:added", ({ target }) => {
    if (!body.contains(target)) return
    number()
    target.querySelector("input:not([type=hidden]),.select2-selection")?.focus()
  })
  document.addEventListener("formset:removed", number)
}
