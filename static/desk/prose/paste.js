/* Hooks ../paste.js into the editor, and says what became of what was pasted. */
import { Extension, Plugin, crel, pm } from "django-prose-editor/editor"
import { cleanPasted, cleanText } from "desk/paste"

export const CleanPaste = Extension.create({
  name: "cleanPaste",

  addProseMirrorPlugins() {
    const { editor } = this
    return [
      new Plugin({
        props: {
          transformPastedHTML(html, view) {
            const cleaned = cleanPasted(html)
            tell(view, cleaned.notices)
            return cleaned.html
          },
          clipboardTextParser(text, context, isPlain, view) {
            const div = crel("div")
            if (isPlain)
              div.append(...text.split(/\r\n?|\n/).filter(Boolean).map((line) => crel("p", { textContent: line })))
            else div.innerHTML = cleanText(text)
            tell(view, [])
            return pm.model.DOMParser.fromSchema(editor.schema).parseSlice(div, { context })
          },
        },
      }),
    ]
  },
})

function tell(view, notices) {
  const frame = view.dom.parentElement
  let status = frame.querySelector(".paste-notice")
  if (!status) {
    if (!notices.length) return
    status = crel("div", { className: "paste-notice", role: "status" })
    view.dom.before(status)
  }
  status.replaceChildren(...notices.map((notice) => crel("p", { textContent: notice })))
  if (!notices.length) return status.remove()
  const close = crel("button", { type: "button", textContent: "知道了" })
  close.addEventListener("click", () => {
    status.remove()
    view.focus()
  })
  status.append(close)
}
