/* Notes (註腳): a numbered mark in the text, with its words in a bubble and in a dialog. Nobody types
   the number: readers count. In the editor a note is one thing, like a picture, so that the text
   around it reads on and is counted without it. */
import { Node, crel } from "django-prose-editor/editor"

const LONGEST = 600
const INLINE = "strong,b,em,i,sub,sup,a[href]"
const ADDRESS = /https?:\/\/[^\s<>"\u2e80-\uffef]+[^\s<>"\u2e80-\uffef.,;:!?)]/g

export const Note = Node.create({
  name: "note",
  group: "inline",
  inline: true,
  atom: true,
  marks: "",

  // For the house style check, which mends words.
  addStorage: () => ({ textOf, rewrite }),

  addAttributes: () => ({ content: { default: "", rendered: false } }),

  parseHTML: () => [
    { tag: 'span[role="note"]', getAttrs: (span) => ({ content: keepInline(span).innerHTML }) },
  ],

  renderHTML({ node }) {
    const span = crel("span", { role: "note" })
    span.append(...read(node.attrs.content).childNodes)
    return span
  },

  renderText: ({ node }) => `〔註：${textOf(node.attrs.content)}〕`,

  addNodeView() {
    return ({ node, getPos, editor }) => {
      const textContent = textOf(node.attrs.content)
      const bubble = crel("span", { className: "prose-note-text", textContent })
      const dom = crel("span", { className: "prose-note", role: "note" }, [bubble])
      dom.setAttribute("aria-label", `註腳：${textContent}`)
      dom.addEventListener("click", () => {
        editor.commands.setNodeSelection(getPos())
        edit(editor)
      })
      return { dom }
    }
  },

  addMenuItems({ buttons, menu }) {
    menu.defineItem({
      name: "note",
      groups: "note",
      command: edit,
      button: buttons.text("註腳", "加入或修改註腳"),
      active: (editor) => editor.isActive("note"),
    })
  },

  addKeyboardShortcuts() {
    return {
      Enter: ({ editor }) => {
        if (!selected(editor)) return false
        edit(editor)
        return true
      },
    }
  },
})

function selected(editor) {
  const { node } = editor.state.selection
  return node?.type.name === "note" ? node : null
}

async function edit(editor) {
  const node = selected(editor)
  const { from, to } = editor.state.selection
  const old = node?.attrs.content ?? ""
  const text = await ask(editor, textOf(old), node !== null)
  if (text === null || (node && text === textOf(old))) return editor.commands.focus()
  // A new note comes after the words that were selected: it is about them.
  const change = editor.chain().focus()
  if (node && !text) change.deleteRange({ from, to }).run()
  else if (node) change.updateAttributes("note", { content: rewrite(old, text) }).run()
  else if (text)
    change.insertContentAt(to, { type: "note", attrs: { content: rewrite("", text) } }).run()
}

// -------------------------------------------------------------------------------------- its words
const read = (html) => new DOMParser().parseFromString(html, "text/html").body
const textOf = (html) => read(html).textContent

/* Words, emphasis and links; what else was pasted along is only its words. */
function keepInline(node) {
  const kept = read("")
  for (const child of node.childNodes) {
    if (child.nodeType === 3) kept.append(child.data)
    if (child.nodeType !== 1) continue
    const inner = keepInline(child)
    if (!child.matches(INLINE)) {
      kept.append(...inner.childNodes)
      continue
    }
    const element = kept.ownerDocument.createElement(child.localName)
    if (child.localName === "a") element.setAttribute("href", child.getAttribute("href"))
    element.append(...inner.childNodes)
    kept.append(element)
  }
  return kept
}

/* The note with other words: what was not touched keeps its links and emphasis. */
function rewrite(html, text) {
  const body = read(html)
  const old = body.textContent
  let start = 0
  while (start < Math.min(old.length, text.length) && old[start] === text[start]) start += 1
  let end = 0
  const most = Math.min(old.length, text.length) - start
  while (end < most && old.at(-1 - end) === text.at(-1 - end)) end += 1

  const range = body.ownerDocument.createRange()
  range.setStart(...placeOf(body, start))
  range.setEnd(...placeOf(body, old.length - end))
  range.deleteContents()
  range.insertNode(body.ownerDocument.createTextNode(text.slice(start, text.length - end)))
  for (const element of body.querySelectorAll("*")) if (!element.textContent) element.remove()
  body.normalize()
  linkAddresses(body)
  return body.innerHTML
}

/* Between two elements rather than within one, so that words after a link are no part of it. */
function placeOf(body, offset) {
  const walker = body.ownerDocument.createTreeWalker(body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const { currentNode: text } = walker
    if (offset < text.length || (offset === text.length && text.parentNode === body))
      return [text, offset]
    offset -= text.length
  }
  return [body, body.childNodes.length]
}

function linkAddresses(body) {
  const page = body.ownerDocument
  const walker = page.createTreeWalker(body, NodeFilter.SHOW_TEXT)
  const texts = []
  while (walker.nextNode()) if (!walker.currentNode.parentNode.closest("a")) texts.push(walker.currentNode)
  for (const text of texts) {
    const pieces = []
    let done = 0
    for (const { 0: address, index } of text.data.matchAll(ADDRESS)) {
      const anchor = page.createElement("a")
      anchor.setAttribute("href", address)
      anchor.textContent = address
      pieces.push(text.data.slice(done, index), anchor)
      done = index + address.length
    }
    text.replaceWith(...pieces, text.data.slice(done))
  }
}

// ------------------------------------------------------------------------------------- the dialog
let dialogs = 0

/* What the note is to say, or null if the editor thought better of it. */
function ask(editor, text, exists) {
  const id = `note-dialog-${++dialogs}`
  const title = exists ? "修改註腳" : "加入註腳"
  const field = crel("textarea", { id, value: text, rows: 4, maxLength: LONGEST })
  const help = crel("p", { id: `${id}-help`, className: "help" })
  help.textContent = `註號自動編排；網址會成為連結。最多${LONGEST}字${exists ? "，清空即刪去註腳" : ""}。`
  field.setAttribute("aria-describedby", help.id)
  const cancel = crel("button", { type: "button", textContent: "取消" })
  const form = crel("form", { noValidate: true }, [
    crel("h3", { id: `${id}-title`, className: "prose-editor-dialog-title", textContent: title }),
    crel("div", { className: "prose-editor-dialog-field" }, [
      crel("label", { htmlFor: id, textContent: "註腳文字" }),
      field,
    ]),
    help,
    crel("div", { className: "prose-editor-dialog-buttons" }, [
      crel("button", { type: "submit", textContent: exists ? "確定" : "加入" }),
      cancel,
    ]),
  ])
  const dialog = crel("dialog", { className: "prose-editor-dialog note-dialog" }, [form])
  dialog.setAttribute("aria-labelledby", `${id}-title`)
  editor.view.dom.parentElement.append(dialog)

  return new Promise((resolve) => {
    let answer = null
    const submit = () => {
      answer = field.value.replace(/\s+/g, " ").trim()
      dialog.close()
    }
    dialog.addEventListener("close", () => {
      dialog.remove()
      resolve(answer)
    })
    cancel.addEventListener("click", () => dialog.close())
    form.addEventListener("submit", (event) => {
      event.preventDefault()
      event.stopPropagation() // the entry's own form is not being sent
      submit()
    })
    field.addEventListener("keydown", (event) => {
      // A note is one line of text, so Enter has nothing else to do; an input method has.
      if (event.key !== "Enter" || event.isComposing) return
      event.preventDefault()
      submit()
    })
    dialog.showModal()
  })
}
