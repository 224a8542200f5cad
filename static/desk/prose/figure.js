/* Figures: a picture from our own library, or handed in here, with what those read who can't see
   it, and a caption. The server draws every picture anew; nothing else can be shown. */
import { Node, Plugin, crel } from "django-prose-editor/editor"

const KINDS = ["image/jpeg", "image/png", "image/webp", "image/gif"]

export const Picture = Node.create({
  name: "figure",
  group: "block",
  atom: true,
  draggable: true,

  addOptions: () => ({ uploadUrl: "", libraryUrl: "" }),

  addAttributes: () =>
    Object.fromEntries(
      ["src", "alt", "isDecorative", "width", "height", "caption"].map((name) => [
        name,
        { default: null, rendered: false },
      ]),
    ),

  parseHTML: () => [
    {
      tag: "figure",
      getAttrs(figure) {
        const image = figure.querySelector("img[src^='/pictures/']")
        return image && describe(image, figure.querySelector("figcaption"))
      },
    },
  ],

  renderHTML({ node: { attrs } }) {
    const { src, alt, width, height } = attrs
    const role = attrs.isDecorative ? "presentation" : null
    const image = ["img", { src, alt: alt ?? "", role, width, height }]
    return attrs.caption ? ["figure", image, ["figcaption", attrs.caption]] : ["figure", image]
  },

  addNodeView() {
    return ({ node, getPos, editor }) => {
      const { src, alt, width, height, caption } = node.attrs
      const button = crel("button", { type: "button", textContent: "修改圖片" })
      button.addEventListener("click", () => {
        editor.commands.setNodeSelection(getPos())
        editFigure(editor, this.options)
      })
      const dom = crel("figure", { className: "prose-figure" }, [
        crel("img", { src, alt: alt ?? "", width, height }),
        ...(caption ? [crel("figcaption", { textContent: caption })] : []),
        button,
      ])
      return { dom, stopEvent: (event) => event.target === button }
    }
  },

  addMenuItems({ buttons, menu }) {
    menu.defineItem({
      name: "figure",
      groups: "picture",
      command: (editor) => editFigure(editor, this.options),
      button: buttons.text("圖片", "加入或修改圖片"),
      active: (editor) => editor.isActive("figure"),
    })
  },

  addKeyboardShortcuts() {
    return {
      Enter: ({ editor }) => {
        if (!editor.isActive("figure")) return false
        editFigure(editor, this.options)
        return true
      },
    }
  },

  addProseMirrorPlugins() {
    const { editor, options } = this
    return [
      new Plugin({
        props: {
          handlePaste(view, event) {
            const html = event.clipboardData.getData("text/html")
            const files = imagesIn(event.clipboardData)
            // Word and Excel send a picture of the text along with the text.
            if (!files.length || hasText(html)) return false
            addFigures(editor, options, files)
            return true
          },
          handleDrop(view, event) {
            const files = imagesIn(event.dataTransfer)
            if (!files.length) return false
            event.preventDefault()
            const place = view.posAtCoords({ left: event.clientX, top: event.clientY })
            if (place) editor.commands.setTextSelection(place.pos)
            addFigures(editor, options, files)
            return true
          },
        },
      }),
    ]
  },
})

function describe(image, caption) {
  return {
    src: image.getAttribute("src"),
    alt: image.getAttribute("alt") ?? "",
    isDecorative: image.getAttribute("role") === "presentation",
    width: image.getAttribute("width"),
    height: image.getAttribute("height"),
    caption: caption?.textContent.trim() || null,
  }
}

const imagesIn = (transfer) =>
  [...(transfer?.files ?? [])].filter(({ type }) => type.startsWith("image/"))

const hasText = (html) =>
  new DOMParser().parseFromString(html, "text/html").body.textContent.trim() !== ""

async function addFigures(editor, options, files) {
  for (const file of files) insertFigure(editor, await askForFigure(editor, options, { file }))
}

async function editFigure(editor, options) {
  const { node } = editor.state.selection
  const current = node?.type.name === "figure" ? node.attrs : null
  const attrs = await askForFigure(editor, options, { current })
  if (attrs && current) editor.chain().focus().updateAttributes("figure", attrs).run()
  else insertFigure(editor, attrs)
}

function insertFigure(editor, attrs) {
  if (attrs) editor.chain().focus().insertContent({ type: "figure", attrs }).run()
}

let dialogs = 0

/* The attributes of a figure, or null if the editor thought better of it. */
function askForFigure(editor, options, { current = null, file = null }) {
  const prefix = `figure-dialog-${++dialogs}`
  const field = (name, label, input, help) => {
    input.id = `${prefix}-${name}`
    input.name = name
    const children = [crel("label", { htmlFor: input.id, textContent: label }), input]
    if (help) {
      const note = crel("p", { id: `${input.id}-help`, className: "help", textContent: help })
      input.setAttribute("aria-describedby", note.id)
      children.push(note)
    }
    return crel("div", { className: "prose-editor-dialog-field" }, children)
  }

  const title = current ? "修改圖片" : "加入圖片"
  const chooser = crel("input", { type: "file", accept: KINDS.join(",") })
  const preview = crel("canvas", { className: "figure-preview", hidden: true })
  const library = crel("div", { className: "figure-library" })
  const alt = crel("input", { type: "text", maxLength: 300, value: current?.alt ?? "" })
  const decorative = crel("input", { type: "checkbox", checked: current?.isDecorative ?? false })
  const caption = crel("input", { type: "text", maxLength: 300, value: current?.caption ?? "" })
  const fault = crel("p", { className: "figure-fault", role: "alert" })
  const submit = crel("button", { type: "submit", textContent: current ? "確定" : "加入" })
  const cancel = crel("button", { type: "button", textContent: "取消" })

  const decorativeField = field("decorative", "純裝飾，不需替代文字", decorative)
  decorativeField.prepend(decorative)
  const form = crel("form", { noValidate: true }, [
    crel("h3", { id: `${prefix}-title`, className: "prose-editor-dialog-title", textContent: title }),
    ...(current
      ? []
      : [
          field("file", "上載圖片", chooser, "JPEG、PNG、WebP 或 GIF，最大 10 MB。"),
          preview,
          library,
        ]),
    field("alt", "替代文字", alt, "向看不見圖片的讀者說明圖中所示。"),
    decorativeField,
    field("caption", "圖片說明", caption, "印在圖片下面，例如資料來源；可以不填。"),
    fault,
    crel("div", { className: "prose-editor-dialog-buttons" }, [submit, cancel]),
  ])
  const dialog = crel("dialog", { className: "prose-editor-dialog figure-dialog" }, [form])
  dialog.setAttribute("aria-labelledby", `${prefix}-title`)
  editor.view.dom.parentElement.append(dialog)

  let chosen = null // of the library
  const follow = () => {
    alt.disabled = decorative.checked
  }
  decorative.addEventListener("change", follow)
  follow()

  async function take(newFile) {
    file = newFile
    chosen = null
    for (const radio of library.querySelectorAll("input:checked")) radio.checked = false
    await show(file, preview)
  }
  chooser.addEventListener("change", () => take(chooser.files[0] ?? null))
  if (file) take(file)
  if (!current) {
    fillLibrary(library, options.libraryUrl, prefix, (picture) => {
      file = null
      chooser.value = ""
      preview.hidden = true
      chosen = picture
      alt.value = picture.alternative
      caption.value = picture.caption
    })
  }

  const findFault = () => {
    if (!current && !file && !chosen) return ["請選擇圖片。", chooser]
    if (!decorative.checked && !alt.value.trim()) return ["請填寫替代文字，或剔選「純裝飾」。", alt]
    return null
  }

  return new Promise((resolve) => {
    let answer = null
    dialog.addEventListener("close", () => {
      dialog.remove()
      resolve(answer)
    })
    cancel.addEventListener("click", () => dialog.close())
    form.addEventListener("submit", async (event) => {
      event.preventDefault()
      event.stopPropagation() // the entry's own form is not being sent
      const found = findFault()
      fault.textContent = found?.[0] ?? ""
      if (found) return found[1].focus()
      const words = {
        alt: decorative.checked ? "" : alt.value.trim(),
        isDecorative: decorative.checked,
        caption: caption.value.trim() || null,
      }
      try {
        submit.disabled = true
        const picture = current ?? chosen ?? (await upload(options.uploadUrl, file, words))
        const { width, height } = picture
        answer = { src: picture.src ?? picture.url, width, height, ...words }
        dialog.close()
      } catch (error) {
        fault.textContent = error.message
      } finally {
        submit.disabled = false
      }
    })
    dialog.showModal()
  })
}

/* On a canvas, which no content security policy forbids, unlike an address of its own. */
async function show(file, canvas) {
  canvas.hidden = true
  if (!file) return
  try {
    const bitmap = await createImageBitmap(file, { resizeWidth: 320, resizeQuality: "medium" })
    canvas.width = bitmap.width
    canvas.height = bitmap.height
    canvas.getContext("2d").drawImage(bitmap, 0, 0)
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", `所選的圖片 ${file.name}`)
    canvas.hidden = false
  } catch {
    // What the browser can't read the server will refuse, and say why.
  }
}

async function upload(url, file, { alt, isDecorative, caption }) {
  const data = new FormData()
  data.append("file", file, file.name || "picture")
  data.append("alternative", alt)
  if (isDecorative) data.append("is_decorative", "on")
  data.append("caption", caption ?? "")
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value
  const answer = await ask(url, { method: "POST", body: data, headers: { "X-CSRFToken": token } })
  return answer
}

async function ask(url, options = {}) {
  let response, answer
  try {
    response = await fetch(url, options)
    if (response.headers.get("content-type")?.includes("json")) answer = await response.json()
  } catch {
    throw new Error("連不上伺服器。請檢查網絡後再試；文章沒有受影響。")
  }
  if (response.redirected || !answer)
    throw new Error(
      response.status === 413 ? "圖片太大，上限是 10 MB。" : "登入已過期，或沒有權限使用圖片。",
    )
  if (!response.ok) throw new Error(answer.error)
  return answer
}

async function fillLibrary(library, url, prefix, choose) {
  const search = crel("input", { type: "search", id: `${prefix}-search` })
  search.placeholder = "按替代文字或說明尋找"
  const list = crel("div", { className: "figure-choices", role: "radiogroup" })
  list.setAttribute("aria-label", "圖片庫")
  const status = crel("p", { className: "help", role: "status" })
  library.append(
    crel("label", { htmlFor: search.id, textContent: "或從圖片庫選擇" }),
    search,
    list,
    status,
  )

  let asked = 0
  async function find() {
    const number = ++asked
    let pictures = []
    try {
      ;({ pictures } = await ask(`${url}?q=${encodeURIComponent(search.value)}`))
    } catch (error) {
      status.textContent = error.message
      return
    }
    if (number !== asked) return // a later search has answered
    status.textContent = pictures.length ? "" : "圖片庫沒有這樣的圖片。"
    list.replaceChildren(
      ...pictures.map((picture) => {
        const radio = crel("input", { type: "radio", name: "library" })
        radio.addEventListener("change", () => choose(picture))
        const name = picture.caption || picture.alternative || "純裝飾圖片"
        const image = crel("img", { src: picture.url, alt: picture.alternative, loading: "lazy" })
        return crel("label", { title: name }, [radio, image, crel("span", { textContent: name })])
      }),
    )
  }
  let waiting
  search.addEventListener("input", () => {
    clearTimeout(waiting)
    waiting = setTimeout(find, 250)
  })
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault()
  })
  await find()
}
