/* Leaving an edition's form whose contents are no longer what they were when it was opened asks
   first. An entry's form saves itself (desk/drafts.js); both say what a preview doesn't show. */
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("#entry_form, #edition_form");
  if (!form) return;

  // Everything that would be sent, whoever wrote it: keys, ▲ and ▼, dragging, the text editor.
  const read = () => JSON.stringify([...new FormData(form)]);
  const opened = read();
  // What a refused save gives back was never stored.
  const wasRefused = form.querySelector(".errornote") !== null;
  const isUnsaved = () => wasRefused || read() !== opened;

  let isSending = false;
  form.addEventListener("submit", () => {
    isSending = true;
  });
  if (form.id === "edition_form") {
    addEventListener("beforeunload", (event) => {
      if (!isSending && isUnsaved()) event.preventDefault();
    });
  }

  // A preview opens beside the form, so nothing is lost, but it shows what was last saved.
  document.querySelector(".object-tools")?.addEventListener("click", (event) => {
    if (event.target.closest("a[target=_blank]") && isUnsaved() &&
        !confirm("未儲存的修改不會在預覽中出現。仍要預覽？")) event.preventDefault();
  });
});
