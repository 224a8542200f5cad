/* Tables whose captions and header cells come back as they were: the library's own drops the
   caption and what a header is for. */
import {
  Plugin,
  Table as BaseTable,
  TableHeader as BaseTableHeader,
  crel,
  updateAttrsDialog,
} from "django-prose-editor/editor"

const CAPTION = { type: "string", title: "表格標題" }

const askForTable = updateAttrsDialog(
  {
    rows: { type: "number", title: "列數", format: "number", min: "1", max: "50" },
    cols: { type: "number", title: "欄數", format: "number", min: "1", max: "20" },
    headerRow: { type: "boolean", title: "首列是標題" },
    headerColumn: { type: "boolean", title: "首欄是標題" },
    caption: CAPTION,
  },
  { title: "插入表格", submitText: "插入" },
)
const askForCaption = updateAttrsDialog(
  { caption: CAPTION },
  { title: "表格標題", submitText: "確定" },
)

const cell = (isHeader) => ({
  type: isHeader ? "tableHeader" : "tableCell",
  content: [{ type: "paragraph" }],
})

function makeTable({ rows, cols, headerRow, headerColumn, caption }) {
  const count = (value) => Math.max(1, Number.parseInt(value, 10) || 1)
  const row = (y) => ({
    type: "tableRow",
    content: Array.from({ length: count(cols) }, (_, x) =>
      cell((headerRow && y === 0) || (headerColumn && x === 0)),
    ),
  })
  const content = Array.from({ length: count(rows) }, (_, y) => row(y))
  return { type: "table", attrs: { caption: caption.trim() || null }, content }
}

export const Table = BaseTable.extend({
  addAttributes() {
    return {
      ...this.parent?.(),
      caption: {
        default: null,
        rendered: false,
        parseHTML: (table) => table.caption?.textContent.replace(/\s+/g, " ").trim() || null,
      },
    }
  },

  parseHTML: () => [{ tag: "table" }, { tag: "caption", ignore: true }],

  renderHTML({ node }) {
    const caption = node.attrs.caption ? [["caption", node.attrs.caption]] : []
    return ["table", ...caption, ["tbody", 0]]
  },

  addNodeView() {
    const makeView = this.parent()
    return (props) => {
      const view = makeView(props)
      const caption = crel("caption", { contentEditable: false })
      const show = ({ attrs }) => {
        caption.textContent = attrs.caption ?? ""
        if (attrs.caption) view.table.prepend(caption)
        else caption.remove()
      }
      show(props.node)
      const update = view.update
      view.update = (node) => {
        const isUpdated = update(node)
        if (isUpdated) show(node)
        return isUpdated
      }
      const ignoreMutation = view.ignoreMutation.bind(view)
      view.ignoreMutation = (change) =>
        [change.target, ...(change.addedNodes ?? []), ...(change.removedNodes ?? [])].some(
          (node) => caption.contains(node),
        ) || ignoreMutation(change)
      return view
    }
  },

  addMenuItems({ buttons, menu }) {
    this.parent?.({ buttons, menu })
    menu.defineItem({
      name: "table:caption",
      groups: "table",
      button: buttons.text("標題", "表格標題"),
      hidden: (editor) => !editor.isActive("table"),
      async command(editor) {
        const answer = await askForCaption(editor, editor.getAttributes("table"))
        if (!answer) return
        const caption = answer.caption.trim() || null
        editor.chain().focus().updateAttributes("table", { caption }).run()
      },
    })
  },

  addCommands() {
    return {
      ...this.parent?.(),
      insertTableWithOptions:
        () =>
        ({ editor }) => {
          const usual = { rows: "3", cols: "3", headerRow: true }
          askForTable(editor, usual).then((answer) => {
            if (answer) editor.chain().focus().insertContent(makeTable(answer)).run()
          })
        },
    }
  },
})

/* A header says whether it heads its column or its row, in words for those who hear the table. */
export const TableHeader = BaseTableHeader.extend({
  addAttributes() {
    return {
      ...this.parent?.(),
      scope: { default: null, parseHTML: (cell) => cell.getAttribute("scope") },
    }
  },

  addProseMirrorPlugins() {
    return [
      new Plugin({
        appendTransaction(transactions, _before, state) {
          if (!transactions.some(({ docChanged }) => docChanged)) return null
          const { tr } = state
          state.doc.descendants((node, pos, parent, index) => {
            if (node.type.name !== "tableHeader" || node.attrs.scope) return
            const row = state.doc.resolve(pos)
            const isInFirstRow = row.index(row.depth - 1) === 0
            const scope = isInFirstRow || index > 0 ? "col" : "row"
            tr.setNodeMarkup(pos, null, { ...node.attrs, scope })
          })
          return tr.docChanged ? tr : null
        },
      }),
    ]
  },
})
