/* A check leads to the field that it is about: …/change/#id_body. The browser itself finds only
   what is shown, and not the editor that stands where the hidden field of a text is. */
window.addEventListener("load", () => {
  const name = location.hash.match(/^#id_(\w+)$/)?.[1];
  const row = name && document.querySelector(`.form-row.field-${name}`);
  if (!row) return;

  function enter() {
    const kinds = [".ProseMirror", ".select2-search__field", "input, textarea, select"];
    row.scrollIntoView({ block: "center" });
    kinds.map((kind) => row.querySelector(kind)).find(Boolean)?.focus();
  }

  enter();
  // The text editor takes the place of its field when its modules have loaded.
  const watch = new MutationObserver(() => {
    if (!row.querySelector(".ProseMirror")) return;
    watch.disconnect();
    enter();
  });
  watch.observe(row, { childList: true, subtree: true });
  document.addEventListener("pointerdown", () => watch.disconnect(), { once: true });
});
