/* Leaving a form whose contents are no longer what they were when it was opened asks first. An
   entry's form saves itself (desk/drafts.js) and doesn't; it too says what a preview doesn't show. */
document.addEventListener("DOMContentLoaded", () => {
  const forms = [...document.querySelectorAll("form[method=post][id$=_form]")];

  // Everything that would be sent, whoever wrote it: keys, ▲ and ▼, dragging, the text editor.
  const read = (form) =>
    JSON.stringify(
      [...new FormData(form)]
        .filter(([name]) => name !== "csrfmiddlewaretoken")
        .map(([name, value]) => [name, value.name ?? value]),
    );
  const opened = new Map(forms.map((form) => [form, read(form)]));
  // What a refused save gives back was never stored.
  const refused = new Set(forms.filter((form) => form.querySelector(".errornote, .errorlist")));
  const isUnsaved = (form) => refused.has(form) || read(form) !== opened.get(form);

  let sending = null; // that form is on its way; what stands in another would be lost
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) sending = event.target;
  });
  addEventListener("beforeunload", (event) => {
    const left = forms.filter((form) => form !== sending && form.id !== "entry_form");
    if (left.some(isUnsaved)) event.preventDefault();
  });

  // A preview opens beside the form, so nothing is lost, but it shows what was last saved.
  const previewed = forms.find((form) => form.matches("#entry_form, #edition_form"));
  document.querySelector(".object-tools")?.addEventListener("click", (event) => {
    if (event.target.closest("a[target=_blank]") && previewed && isUnsaved(previewed) &&
        !confirm("未儲存的修改不會在預覽中出現。仍要預覽？")) event.preventDefault();
  });
});
