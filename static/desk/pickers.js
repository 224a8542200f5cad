/* Themes and authors by name. What there is comes first and Enter takes it; to make a new one is
   the last choice, and is asked about. */
document.addEventListener("DOMContentLoaded", () => {
  const $ = django.jQuery

  function shows({ text, alias, address }) {
    if (!alias && !address) return text
    const line = document.createElement("span")
    line.className = address ? "picker-new" : ""
    line.textContent = text
    if (alias) {
      const also = document.createElement("small")
      also.textContent = `（又名${alias}）`
      line.append(also)
    }
    return $(line)
  }

  function setUp(select) {
    const { appLabel: app_label, modelName: model_name, fieldName: field_name } = select.dataset
    const data = ({ term, page }) => ({ term, page, app_label, model_name, field_name })
    $(select)
      .select2({ ajax: { data }, templateResult: shows })
      .on("select2:selecting", (event) => {
        const chosen = event.params.args.data
        if (!chosen.address) return
        event.preventDefault()
        $(select).select2("close")
        if (confirm(chosen.question)) make(select, chosen)
      })
    nameFor(select)
  }

  async function make(select, { name, address }) {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]").value
    const body = new FormData()
    body.append("name", name)
    let answer
    try {
      const response = await fetch(address, {
        method: "POST",
        body,
        headers: { "X-CSRFToken": token },
      })
      answer = await response.json()
    } catch {
      answer = { error: "未能新增。請檢查網絡，或重新登入後再試；文章沒有受影響。" }
    }
    if (answer.error) {
      alert(answer.error)
      return
    }
    const known = [...select.options].find(({ value }) => value === answer.id)
    const option = known ?? new Option(answer.text, answer.id)
    if (!known) select.append(option)
    option.selected = true
    select.dispatchEvent(new Event("change", { bubbles: true }))
    const container = select.nextElementSibling
    container.querySelector(".select2-search__field, .select2-selection").focus()
  }

  /* Select2 gives its parts roles and no names. */
  function nameFor(select) {
    const label = document.querySelector(`label[for="${select.id}"]`)?.textContent.replace(/[：:]\s*$/, "")
    const container = select.nextElementSibling
    if (!label || !container?.matches(".select2-container")) return
    const selection = container.querySelector(".select2-selection")
    selection.setAttribute("aria-label", label)
    const value = selection.querySelector(".select2-selection__rendered[id]")
    if (value) {
      label && selection.setAttribute("aria-labelledby", value.id)
      value.setAttribute("aria-label", label)
    }
    container.querySelector(".select2-search__field")?.setAttribute("aria-label", label)
    $(select).on("select2:open", () => {
      document.querySelector(".select2-container--open .select2-search--dropdown .select2-search__field")
        ?.setAttribute("aria-label", label)
    })
  }

  const pickers = (node) => [...node.querySelectorAll("select.name-picker")]
  for (const select of pickers(document)) if (!select.name.includes("__prefix__")) setUp(select)
  document.addEventListener("formset:added", ({ target }) => pickers(target).forEach(setUp))
  // The admin's own script has set these up by now, or does when the page is ready.
  $(() => document.querySelectorAll("select.admin-autocomplete").forEach(nameFor))
})
