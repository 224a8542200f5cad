/* The rich text editor takes its dialogs' words from gettext, but writes those of its buttons and
   options straight into the page. Here they too are looked up in our catalogue (locale/). */
(() => {
  // The editor writes a style sheet into the page, which our content security policy forbids, unless
  // it finds its own there; so it finds something of that name, which is no style sheet to the
  // browser. The rules are in desk/prose.css.
  const sheet = document.createElementNS(null, "style");
  sheet.setAttribute("data-tiptap-style", "");
  document.head.append(sheet);

  const HEADINGS = { 2: "大標題", 3: "中標題", 4: "小標題" };

  function nameButtons(node) {
    for (const button of node.querySelectorAll(".prose-menubar__button")) {
      const level = button.dataset.level;
      button.title = level ? HEADINGS[level] : gettext(button.title);
      button.setAttribute("aria-label", button.title);
      if (level) {
        button.classList.remove("material-icons");
        button.textContent = button.title;
      }
    }
    // The editor reads an option's text back, so only what is shown may change.
    for (const option of node.querySelectorAll("option")) option.label = gettext(option.text);
  }

  document.addEventListener("prose-editor:ready", ({ detail }) => {
    const frame = detail.editor.view.dom.parentElement;
    nameButtons(frame);
    // The menu bar and the dialogs come later, each as a child of the frame.
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes)
        for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) nameButtons(node);
    }).observe(frame, { childList: true });

    const label = document.querySelector(`label[for="${detail.textarea.id}"]`);
    detail.editor.view.dom.setAttribute("aria-label", label?.textContent.trim() ?? "");
  });
})();
