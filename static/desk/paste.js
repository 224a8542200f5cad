/* What is pasted, as a clean piece of HTML: from Word, Google Docs, web pages and plain text.

   A list that only looks like one becomes one, headings stay headings, the look and the debris
   go, and no word of the text is lost. Takes and returns strings and touches no page. */

const BLOCKS = "p,h1,h2,h3,h4,h5,h6,ul,ol,li,table,blockquote,pre,div,section,article,hr,dl,dt,dd"
const KEPT = new Set([
  ..."p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr br strong em u s sub sup a".split(" "),
  ..."table caption thead tbody tr th td figure img figcaption".split(" "),
])
const RENAMED = { b: "strong", i: "em", cite: "em", strike: "s", tfoot: "tbody", dt: "p", dd: "p" }
const KEPT_ATTRIBUTES = {
  a: ["href"],
  span: ["role"],
  ol: ["start"],
  th: ["colspan", "rowspan", "scope"],
  td: ["colspan", "rowspan"],
  img: ["src", "alt", "role", "width", "height"],
}
const OUR_PICTURE = /^\/pictures\/[0-9a-f]{64}\.(jpg|png)$/
const CJK = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|[\ud840-\ud8ff][\udc00-\udfff]/u

/* The HTML to paste, and what the editor should be told of it. */
export function cleanPasted(html) {
  // Our own text, cut and pasted within the editor, is as it should be.
  if (/<[^>]+ data-pm-slice=/.test(html)) return { html, notices: [] }
  const page = new DOMParser().parseFromString(hide(html), "text/html")

  const notices = []
  const listStyles = readListStyles(page)
  markConditionalLists(page)
  dropUnseen(page)
  dropPictures(page, notices)
  dropComments(page, notices)
  placeFootnotes(page)
  settleFootnotes(page, notices)
  nameHeadings(page)
  makeWordLists(page, listStyles)
  makeOnlineLists(page)
  keepEmphasis(page)
  splitLines(page)
  makeTypedLists(page)
  keepLinks(page)
  keepTables(page)
  nestLists(page)
  drop(page)
  levelHeadings(page)
  joinLines(page)
  dropEmpty(page)
  return { html: page.body.innerHTML, notices }
}

/* Lines of plain text as paragraphs, and as lists where they begin like one. */
export function cleanText(text) {
  const page = new DOMParser().parseFromString("", "text/html")
  for (const line of text.split(/\r\n?|\n/)) {
    if (!line.trim()) continue
    const paragraph = page.createElement("p")
    paragraph.textContent = line.trim()
    page.body.append(paragraph)
  }
  makeTypedLists(page)
  return page.body.innerHTML
}

/* Styles and handlers under names that the browser doesn't know them by: by our content security
   policy it would complain of each, even in a page that nobody sees. */
function hide(html) {
  return html
    .replace(/<(\/?)style\b/gi, "<$1x-style")
    .replace(/<[a-z][^<>]*>/gi, (tag) => tag.replace(/\s(style|on\w+)(?=\s*=)/gi, " x-$1"))
}

// ------------------------------------------------------------------------------------ the tree
const all = (node, selector) => [...node.querySelectorAll(selector)]
const style = (node) => node.getAttribute("x-style") ?? ""
const textOf = (node) => node.textContent.replace(/[\s\u00a0\u3000]+/g, " ").trim()
const unwrap = (node) => node.replaceWith(...node.childNodes)

function rename(node, name) {
  const renamed = node.ownerDocument.createElement(name)
  for (const { name: key, value } of node.attributes) {
    // Word leaves keys behind that no element can be given.
    if (/^[a-z][\w-]*$/i.test(key)) renamed.setAttribute(key, value)
  }
  renamed.append(...node.childNodes)
  node.replaceWith(renamed)
  return renamed
}

function nextElement(node) {
  let next = node.nextSibling
  while (next && next.nodeType !== 1) {
    if (next.nodeType === 3 && next.data.trim()) return null
    next = next.nextSibling
  }
  return next
}

function* nodesOf(root, kind) {
  const walker = (root.ownerDocument ?? root).createTreeWalker(root, kind)
  while (walker.nextNode()) yield walker.currentNode
}

// ------------------------------------------------------------------------------- what is unseen
function dropUnseen(page) {
  for (const node of all(page, "x-style,script,noscript,template,title,meta,link,xml,head,svg,math"))
    if (node.localName !== "head") node.remove()
  for (const node of all(page, "input,textarea,select,button,iframe,object,embed,audio,video,canvas"))
    node.remove()
  for (const comment of [...nodesOf(page, NodeFilter.SHOW_COMMENT)]) comment.remove()
  for (const node of all(page, "[x-style]"))
    if (/(display\s*:\s*none|mso-hide\s*:\s*all)/i.test(style(node))) node.remove()
  for (const node of all(page, "[hidden],del,.msoDel")) node.remove()
}

function dropPictures(page, notices) {
  let count = 0
  for (const image of all(page, "img,v\\:imagedata,picture source")) {
    const source = image.getAttribute("src") ?? ""
    if (image.localName === "img" && OUR_PICTURE.test(source)) continue
    const isSpacer = Number(image.getAttribute("width") ?? 9) <= 2
    if (image.localName === "img" && !isSpacer) count += 1
    image.remove()
  }
  for (const figure of all(page, "figure:not(:has(img))")) {
    for (const caption of all(figure, "figcaption")) rename(caption, "p")
    unwrap(figure)
  }
  if (count)
    notices.push(`有${count}張圖片沒有貼上。請先把圖片存成檔案，再用「圖片」按鈕加入。`)
}

function dropComments(page, notices) {
  const comments = all(page, "div,span").filter((node) =>
    /mso-element\s*:\s*comment-list|mso-special-character\s*:\s*comment/i.test(style(node)),
  )
  const marks = all(page, "a.msocomanchor,a[href^='#_msocom'],a[href^='#cmnt'],sup > a[id^='cmnt']")
  for (const node of [...comments, ...marks]) node.remove()
  if (comments.length || marks.length) notices.push("批註沒有貼上。")
}

const NOTE_MARK = /^\[?(\d{1,3}|[*†‡]|[ivxlc]{1,6}|[a-z])\]?$/i
const NOTE_ADDRESS = /#(_?(ftn|edn)(ref)?\d*|ftnt(_ref)?\d*|cite_(note|ref)|fn(ref)?[:\d-])/i

const LONGEST_NOTE = 600

/* A footnote that its mark leads to, and that leads back to the mark, becomes a note there. */
function placeFootnotes(page) {
  const byName = new Map()
  for (const anchor of all(page, "a[href^='#']"))
    for (const name of [anchor.id, anchor.getAttribute("name")])
      if (name) byName.set(`#${name}`, anchor)
  for (const mark of new Set(byName.values())) {
    const back = byName.get(mark.getAttribute("href"))
    const isFirst = back && mark.compareDocumentPosition(back) & mark.DOCUMENT_POSITION_FOLLOWING
    if (!isFirst || byName.get(back.getAttribute("href")) !== mark) continue
    const holder = back.closest("div[x-style*='mso-element:footnote'],div[x-style*='mso-element:endnote'],p")
    const words = NOTE_MARK.test(textOf(back)) && holder && takeWords(holder, back)
    if (!words) continue
    const note = page.createElement("span")
    note.setAttribute("role", "note")
    note.append(...words)
    const raised = mark.closest("sup")
    ;(raised && textOf(raised) === textOf(mark) ? raised : mark).replaceWith(note)
    holder.remove()
  }
}

/* What a footnote says, its paragraphs as one; null if that is nothing, or too much. */
function takeWords(holder, back) {
  if (holder.querySelector("ul,ol,table")) return null
  const copy = holder.cloneNode(true)
  const number = all(copy, "a")[all(holder, "a").indexOf(back)]
  number.remove()
  const paragraphs = copy.localName === "p" ? [copy] : all(copy, "p")
  const length = textOf(copy).length
  if (!length || length > LONGEST_NOTE) return null
  const nodes = paragraphs.flatMap((paragraph, at) => [...(at ? [" "] : []), ...paragraph.childNodes])
  const holderOfWords = holder.ownerDocument.createElement("span")
  holderOfWords.append(...nodes)
  trim(holderOfWords)
  return [...holderOfWords.childNodes]
}

function trim(node) {
  const texts = [...nodesOf(node, NodeFilter.SHOW_TEXT)]
  for (const [line, pattern] of [[texts, /^[\s\u3000]+/], [texts.toReversed(), /[\s\u3000]+$/]])
    for (const text of line) {
      text.data = text.data.replace(pattern, "")
      if (text.data) break
    }
}

/* The marks lead nowhere here, so they go; what the notes say stays, at the end. */
function settleFootnotes(page, notices) {
  const marks = all(page, "a[href],a[name]").filter((anchor) => {
    const address = `${anchor.getAttribute("href") ?? ""} #${anchor.getAttribute("name") ?? ""}`
    return NOTE_ADDRESS.test(address) || /mso-(foot|end)note-id/i.test(style(anchor))
  })
  for (const mark of marks) {
    const isBare = textOf(mark) === "" || NOTE_MARK.test(textOf(mark))
    if (!isBare) {
      unwrap(mark)
      continue
    }
    const holder = mark.closest("sup")
    if (holder && textOf(holder) === textOf(mark)) holder.remove()
    else mark.remove()
  }
  const lists = all(page, "div").filter((div) =>
    /mso-element\s*:\s*(foot|end)note-list/i.test(style(div)),
  )
  for (const list of lists) {
    for (const line of all(list, "hr")) line.remove()
    page.body.append(list)
  }
  if (lists.some((list) => textOf(list)))
    notices.push("註腳的文字已放到最後，成為普通段落；文中的註號和連結已移除。")
}

// ------------------------------------------------------------------------------------- headings
function nameHeadings(page) {
  for (const node of all(page, "p,div[role=heading]")) {
    const named = /^Mso(Title|Subtitle|Heading([1-6]))$/.exec(node.className.split(/\s+/)[0])
    const outline = /mso-outline-level\s*:\s*([1-6])\b/i.exec(style(node))
    const told = node.getAttribute("role") === "heading" && node.getAttribute("aria-level")
    const level = named
      ? { Title: 1, Subtitle: 2 }[named[1]] || Number(named[2])
      : Number(outline?.[1] ?? told ?? 0)
    if (level && textOf(node)) rename(node, `h${Math.min(level, 6)}`)
  }
}

/* A page has one heading above those of its text: the headline. */
function levelHeadings(page) {
  const headings = all(page, "h1,h2,h3,h4,h5,h6")
  const shift = headings.some(({ localName }) => localName === "h1") ? 1 : 0
  for (const heading of headings) {
    for (const bold of all(heading, "strong")) unwrap(bold)
    const level = Number(heading.localName[1]) + shift
    rename(heading, `h${Math.min(Math.max(level, 2), 4)}`)
  }
}

// ------------------------------------------------------------------------------ lists from Word
const LIST = /mso-list\s*:\s*(l\d+)\s+level(\d+)/i

/* What Word's style sheet says of each list's levels: "bullet", "decimal", … */
function readListStyles(page) {
  const styles = {}
  // The sheet may stand in a comment, and comments in the sheet.
  const sheets = all(page, "x-style").map((sheet) => sheet.textContent)
  const comments = [...nodesOf(page, NodeFilter.SHOW_COMMENT)].map(({ data }) => data)
  for (const sheet of [...sheets, ...comments.filter((data) => data.includes("@list"))])
    for (const [, list, level, rules] of sheet.matchAll(
      /@list\s+(l\d+):level(\d+)\s*(?:lfo\d+\s*)?\{([^}]*)\}/g,
    ))
      styles[`${list} ${level}`] = /mso-level-number-format\s*:\s*([\w-]+)/.exec(rules)?.[1] ?? "decimal"
  return styles
}

/* Where no style says so, a marker stands between two conditional comments. */
function markConditionalLists(page) {
  for (const opening of [...nodesOf(page, NodeFilter.SHOW_COMMENT)]) {
    if (!opening.data.includes("[if !supportLists]")) continue
    const marker = page.createElement("span")
    marker.setAttribute("x-style", "mso-list:Ignore")
    let node = opening.nextSibling
    while (node && !(node.nodeType === 8 && node.data.includes("[endif]"))) {
      const next = node.nextSibling
      marker.append(node)
      node = next
    }
    opening.after(marker)
  }
}

function takeMarker(paragraph) {
  const marks = all(paragraph, "span").filter((span) => /mso-list\s*:\s*ignore/i.test(style(span)))
  const text = textOf(marks[0] ?? paragraph.ownerDocument.createElement("p"))
  return { text, remove: () => marks.forEach((mark) => mark.remove()) }
}

const BULLET = /^[·•●○◦▪■□◆◇‧∙➢✓✔–—*§o\u25aa\uf000-\uf0ff-]$/u
const numberIn = (marker) => Number(/\d+/.exec(marker)?.[0] ?? 1)

function makeWordLists(page, listStyles) {
  for (const paragraph of all(page, "p,h1,h2,h3,h4,h5,h6,li")) {
    const [, list, level] = LIST.exec(style(paragraph)) ?? []
    if (!list) continue
    const marker = takeMarker(paragraph)
    if (paragraph.localName !== "p") continue // a numbered heading keeps its number as text
    marker.remove()
    const format = listStyles[`${list} ${level}`]
    const isBullet = format ? /bullet|image/.test(format) : !marker.text || BULLET.test(marker.text)
    paragraph.dataset.item = JSON.stringify({
      list,
      level: Number(level),
      kind: isBullet ? "ul" : "ol",
      start: numberIn(marker.text),
    })
  }
  for (const first of all(page, "p[data-item]")) {
    if (!first.isConnected || !first.dataset.item) continue
    const run = [first]
    for (let next = nextElement(first); next?.dataset.item; next = nextElement(next)) run.push(next)
    nest(run)
  }
}

/* Paragraphs one after the other, each with its level, as lists within lists. */
function nest(paragraphs) {
  const page = paragraphs[0].ownerDocument
  const place = page.createComment("")
  paragraphs[0].before(place)
  let open = [] // the lists around the place we are at: {element, level, kind, list}
  for (const paragraph of paragraphs) {
    const item = JSON.parse(paragraph.dataset.item)
    delete paragraph.dataset.item
    while (open.length && open.at(-1).level > item.level) open.pop()
    const current = open.at(-1)
    const isSame = current?.level === item.level
    if (isSame && (current.kind !== item.kind || current.list !== item.list)) open.pop()
    if (open.at(-1)?.level !== item.level) {
      const element = page.createElement(item.kind)
      if (item.kind === "ol" && item.start > 1) element.setAttribute("start", item.start)
      const around = open.at(-1)
      if (around) around.element.lastElementChild.append(element)
      else place.before(element)
      open = [...open, { ...item, element }]
    }
    const entry = page.createElement("li")
    entry.append(paragraph)
    open.at(-1).element.append(entry)
  }
  place.remove()
}

/* Word on the web wraps each item in a list of its own and says its level in an attribute. */
function makeOnlineLists(page) {
  for (const wrapper of all(page, "div.ListContainerWrapper")) {
    for (const item of all(wrapper, "li[data-aria-level]")) {
      const paragraph = page.createElement("p")
      paragraph.append(...all(item, "p").flatMap((p) => [...p.childNodes]))
      if (!paragraph.hasChildNodes()) paragraph.append(...item.childNodes)
      const kind = item.parentElement.localName
      const start = Number(item.parentElement.getAttribute("start") ?? 1)
      const level = Number(item.dataset.ariaLevel)
      paragraph.dataset.item = JSON.stringify({ list: "online", level, kind, start })
      wrapper.before(paragraph)
    }
    wrapper.remove()
  }
  for (const first of all(page, "p[data-item]")) {
    if (!first.dataset.item) continue
    const run = [first]
    for (let next = nextElement(first); next?.dataset.item; next = nextElement(next)) run.push(next)
    nest(run)
  }
}

// ---------------------------------------------------------------------------------- typed lists
const TYPED_BULLET = /^[\s\u00a0\u3000]*([·•●○◦▪■◆‧∙➢\uf0b7\uf0a7\uf0d8]|[o§–*-](?=[\s\u00a0]))[\s\u00a0\u3000]*(?=\S)/u
const TYPED_NUMBER = /^[\s\u00a0\u3000]*[(（]?(\d{1,3})(?:[)）.．、](?!\d))[\s\u00a0\u3000]*(?=\S)/u

/* Paragraphs that begin with a bullet, or that count from one on: someone meant a list. */
function makeTypedLists(page) {
  const paragraphs = all(page, "p").filter((p) => !p.closest("li"))
  for (const paragraph of paragraphs) {
    if (!paragraph.isConnected || paragraph.closest("li")) continue
    const run = readRun(paragraph)
    if (!run) continue
    const list = page.createElement(run.kind)
    if (run.kind === "ol" && run.start > 1) list.setAttribute("start", run.start)
    paragraph.before(list)
    for (const member of run.members) {
      cutStart(member, run.pattern.exec(member.textContent)[0].length)
      const item = page.createElement("li")
      item.append(member)
      list.append(item)
    }
  }
}

function readRun(first) {
  const bullet = TYPED_BULLET.exec(first.textContent)?.[1]
  const number = TYPED_NUMBER.exec(first.textContent)?.[1]
  if (!bullet && !number) return null
  const pattern = bullet ? TYPED_BULLET : TYPED_NUMBER
  const members = [first]
  for (let next = nextElement(first); next?.localName === "p"; next = nextElement(next)) {
    const mark = pattern.exec(next.textContent)?.[1]
    const expected = bullet ?? String(Number(number) + members.length)
    if (mark !== expected) break
    members.push(next)
  }
  // A dash may open a remark, and "1." a sentence about the first of something.
  const isSure = members.length > 1 || /[·•●▪■◆\uf0b7\uf0a7\uf0d8]/u.test(bullet ?? "")
  if (!isSure) return null
  return { members, pattern, kind: bullet ? "ul" : "ol", start: Number(number ?? 1) }
}

function cutStart(node, length) {
  const walker = node.ownerDocument.createTreeWalker(node, NodeFilter.SHOW_TEXT)
  while (length && walker.nextNode()) {
    const text = walker.currentNode
    const cut = Math.min(length, text.data.length)
    text.deleteData(0, cut)
    length -= cut
  }
}

// --------------------------------------------------------------------------- what words are like
/* Bold and the like, said in a style, as the elements that say it; and the other way about. */
function keepEmphasis(page) {
  for (const node of all(page, "b,strong,i,em,u,s,strike")) {
    const said = style(node)
    const isPlain =
      (/^(b|strong)$/.test(node.localName) && /(?<![\w-])font-weight\s*:\s*(normal|[1-4]00)/i.test(said)) ||
      (/^(i|em)$/.test(node.localName) && /(?<![\w-])font-style\s*:\s*normal/i.test(said)) ||
      (/^(u|s|strike)$/.test(node.localName) && /text-decoration[\w-]*\s*:\s*none/i.test(said))
    if (isPlain) rename(node, "span")
  }
  for (const node of all(page, "span[x-style],font[x-style]")) {
    const said = style(node)
    const tags = [
      /(?<![\w-])font-weight\s*:\s*(bold|[6-9]00)/i.test(said) && "strong",
      /(?<![\w-])font-style\s*:\s*italic/i.test(said) && "em",
      /text-decoration[\w-]*\s*:[^;]*underline/i.test(said) && !node.closest("a") && "u",
      /text-decoration[\w-]*\s*:[^;]*line-through/i.test(said) && "s",
      /vertical-align\s*:\s*super/i.test(said) && "sup",
      /vertical-align\s*:\s*sub\b/i.test(said) && "sub",
    ].filter(Boolean)
    for (const tag of tags) {
      const wrap = page.createElement(tag)
      wrap.append(...node.childNodes)
      node.append(wrap)
    }
  }
  for (const underline of all(page, "a u")) unwrap(underline)
}

/* Two line breaks in a row are how web pages without paragraphs part them. */
function splitLines(page) {
  for (const node of all(page, "br.Apple-interchange-newline,br[clear]")) node.remove()
  for (const block of all(page, "p,div,td,section,article,body")) {
    if (!block.querySelector(":scope > br + br, :scope > br")) continue
    const breaks = [...block.children].filter(
      (child) => child.localName === "br" && nextElement(child)?.localName === "br",
    )
    if (!breaks.length || block.localName === "td") continue
    const pieces = [[]]
    for (const child of [...block.childNodes]) {
      const isBreak = child.nodeName === "BR"
      const last = pieces.at(-1).at(-1)
      if (isBreak && last?.nodeName === "BR") {
        pieces.at(-1).pop()
        pieces.push([])
      } else if (!(isBreak && !pieces.at(-1).length)) pieces.at(-1).push(child)
    }
    const name = block.localName === "p" ? "p" : "div"
    const parts = pieces.map((piece) => {
      const part = page.createElement(name)
      part.append(...piece)
      return part
    })
    if (block.localName === "body") block.replaceChildren(...parts)
    else block.replaceWith(...parts)
  }
}

function keepLinks(page) {
  for (const anchor of all(page, "a")) {
    let address = anchor.getAttribute("href")?.trim() ?? ""
    // Google sends its readers round by itself.
    const round = /^https:\/\/www\.google\.com\/url\?/.test(address) && new URL(address)
    address = (round && round.searchParams.get("q")) || address
    if (/^(https?:\/\/|mailto:)/i.test(address) && textOf(anchor))
      anchor.setAttribute("href", address)
    else unwrap(anchor)
  }
}

/* Google nests a list beside the item that it belongs in. */
function nestLists(page) {
  for (const list of all(page, "ul > ul, ul > ol, ol > ul, ol > ol")) {
    const item = list.previousElementSibling
    if (item?.localName === "li") item.append(list)
    else list.replaceWith(...list.children)
  }
}

function keepTables(page) {
  for (const cell of all(page, "thead td")) rename(cell, "th")
  for (const node of all(page, "colgroup,col")) node.remove()
}

// --------------------------------------------------------------------------------- what is left
function drop(page) {
  for (const node of all(page.body, "*").reverse()) {
    const name = RENAMED[node.localName]
    const kept = name ? rename(node, name) : node
    if (KEPT.has(kept.localName) || isNote(kept)) {
      for (const { name: key } of [...kept.attributes])
        if (!KEPT_ATTRIBUTES[kept.localName]?.includes(key)) kept.removeAttribute(key)
    } else if (isBlock(kept)) breakOut(kept)
    else unwrap(kept)
  }
  wrapLoose(page.body)
}

const isNote = (node) => node.matches("span[role=note]")
const isBlock = (node) => node.matches(`${BLOCKS},main,header,footer,aside,nav,address,form,fieldset,legend,summary,details,center`)
const holdsBlocks = (node) => node.querySelector(BLOCKS) !== null

function breakOut(node) {
  if (holdsBlocks(node)) {
    wrapLoose(node)
    unwrap(node)
  } else rename(node, "p").removeAttribute("class")
}

/* Text beside blocks stands in paragraphs of its own. */
function wrapLoose(node) {
  let paragraph = null
  for (const child of [...node.childNodes]) {
    const isLoose = child.nodeType === 3 || (child.nodeType === 1 && !isBlock(child) && !holdsBlocks(child) && !child.matches("figure,table"))
    if (!isLoose) paragraph = null
    else if (paragraph) paragraph.append(child)
    else if (child.nodeType !== 3 || child.data.trim()) {
      paragraph = node.ownerDocument.createElement("p")
      child.before(paragraph)
      paragraph.append(child)
    }
  }
}

/* Where its source turned a line there is a space, and between two Chinese characters none. */
function joinLines(page) {
  for (const block of all(page.body, "p,h2,h3,h4,li,td,th,caption,figcaption")) {
    const texts = []
    const walker = page.createTreeWalker(block, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) texts.push(walker.currentNode)
    texts.forEach((text, index) => {
      const before = texts[index - 1]?.data.trimEnd().at(-1) ?? ""
      const after = (texts[index + 1]?.data.trimStart() ?? "")[0] ?? ""
      text.data = text.data.replace(/[ \t\u00a0]*[\r\n][\s\u00a0]*/g, (turn, at, whole) => {
        const left = whole.slice(0, at).trimEnd().at(-1) ?? before
        const right = whole.slice(at + turn.length)[0] ?? after
        return CJK.test(left) && CJK.test(right) ? "" : " "
      })
      text.data = text.data.replace(/[ \u00a0\t]+/g, " ")
    })
    for (const text of texts) {
      text.data = text.data.replace(/^[\s\u3000]+/, "")
      if (text.data) break
    }
    for (const text of texts.reverse()) {
      text.data = text.data.trimEnd()
      if (text.data) break
    }
  }
}

function dropEmpty(page) {
  for (const text of [...nodesOf(page.body, NodeFilter.SHOW_TEXT)])
    if (!text.data.trim() && !text.parentElement.matches("p,h2,h3,h4,li *,caption,figcaption,p *,td *,th *"))
      text.remove()
  for (const node of all(page.body, "p,h2,h3,h4,li,ul,ol,blockquote,strong,em,u,s,sub,sup,a").reverse()) {
    if (node.querySelector("img,br,hr,table") && !/^(p|li)$/.test(node.localName)) continue
    const isEmpty = !textOf(node) && !node.querySelector("img,table,hr")
    if (isEmpty && !node.closest("td,th")) {
      if (/^(strong|em|u|s|sub|sup|a)$/.test(node.localName)) unwrap(node)
      else node.remove()
    }
  }
}
