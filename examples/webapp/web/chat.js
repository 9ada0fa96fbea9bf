"use strict"
// The page of a chat: it shows the events of package sessionhttp as they come.

const find = selector => document.querySelector(selector)
const log = find("#log"), input = find("#question"), status = find("#status"), stop = find("#stop")
const url = "/chats/" + encodeURIComponent(log.dataset.chat)
let asked = "" // the latest message
let answer = null // the element that text is added to
let replayed = false // the events are those of a state, and happened before
const named = new Set() // services that are named as not connected

function element(tag, className, ...content) {
  const e = document.createElement(tag)
  e.className = className
  e.append(...content)
  return e
}

function append(e) {
  answer = null
  find("#welcome").hidden = true
  log.append(e)
  e.scrollIntoView({block: "nearest"})
  return e
}

const add = (tag, className, ...content) => append(element(tag, className, ...content))

function button(text, action, className = "") {
  const b = element("button", className, text)
  b.type = "button"
  b.onclick = action
  return b
}

// drop removes elements, and keeps the focus in the conversation.
function drop(selector) {
  for (const e of log.querySelectorAll(selector)) {
    const focused = e.contains(document.activeElement)
    e.remove()
    if (focused) log.focus({preventScroll: true})
  }
}

// running shows whether a turn runs. Screen readers wait for its end.
function running(is, text = is ? "Harbor is working …" : "") {
  status.textContent = text
  if (!is && document.activeElement === stop) input.focus()
  stop.hidden = !is
  log.setAttribute("aria-busy", is)
  if (!is && !replayed) refresh()
}

// refresh gets the states of the services from the server.
async function refresh() {
  const response = await fetch(location.href).catch(() => null)
  if (!response?.ok) return
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#services")
  const old = find("#services")
  if (fresh && !old.contains(document.activeElement)) old.replaceWith(document.importNode(fresh, true))
}

async function post(body) {
  const headers = {"Content-Type": "application/json"}
  try {
    const response = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)})
    if (response.ok) return true
    status.textContent = (await response.json()).error.message
  } catch {
    status.textContent = "Harbor can't be reached: try again."
  }
  return false
}

const service = label => find(`#services [data-label="${CSS.escape(label || "")}"]`)
const nameOf = label => label ? service(label)?.dataset.name ?? label : "Harbor"
const words = tool => (tool || "tool list").replaceAll(/[_-]+/g, " ")

// list returns the arguments of a call, which the model wrote.
function list(text) {
  let values = {}
  try { values = JSON.parse(text || "{}") } catch { values = {arguments: text} }
  const e = element("dl", "")
  for (const [name, value] of Object.entries(values)) {
    e.append(element("dt", "", words(name)), element("dd", "", typeof value === "string" ? value : JSON.stringify(value)))
  }
  return e
}

// call shows a call, in place of the one that it completes.
function call(e, state, note) {
  const title = element("summary", "", element("span", "name", nameOf(e.label)), " " + words(e.tool), element("span", "note", note))
  const shown = element("details", "call " + state, title, list(e.arguments))
  shown.dataset.call = `${e.label} ${e.tool}`
  const begun = [...log.querySelectorAll(".calling")].find(c => c.dataset.call === shown.dataset.call)
  if (begun) begun.replaceWith(shown)
  else append(shown)
}

// failure shows what failed, with the steps that help.
function failure(e, className) {
  const label = e.label || e.failure?.server_label
  const steps = element("div", "row")
  const repaired = replayed && ["not_connected", "reauth_required"].includes(e.failure?.kind) && service(label)?.className === "connected"
  if (repaired) steps.append(element("span", "state", "Connected since then"))
  if (!repaired && e.failure?.consent_url) {
    const a = element("a", "button primary", `Connect ${nameOf(label)}` + (e.failure.action === "connect" ? "" : " again"))
    a.href = e.failure.consent_url
    steps.append(a)
  }
  else if (asked && (e.event !== "failed" || e.failure.action === "refresh")) {
    const again = asked
    steps.append(button("Ask again", () => post({message: again}), "again"))
  }
  add("div", "notice " + (repaired ? "good" : className), element("p", "", e.message), steps)
}

// ask shows a call that needs the user's approval.
function ask(a) {
  if (document.getElementById(a.id)) return
  const decide = decision => post({answers: {[a.id]: {decision}}})
  const e = add("div", "approval", element("p", "", "Allow ", element("strong", "", nameOf(a.label)), " to ", element("strong", "", words(a.tool)), "?"),
    list(a.arguments),
    element("div", "row", button("Approve", () => decide("approve"), "primary"), button("Deny", () => decide("deny"))))
  e.id = a.id
  e.role = "group"
  e.ariaLabel = "Approval"
}

const shows = {
  state(e) {
    replayed = true
    log.replaceChildren()
    answer = null
    named.clear()
    find("#welcome").hidden = false
    e.events.forEach(show)
    e.pending?.forEach(ask)
    if (e.pending || e.resumable) drop(".again") // a question would be refused
    if (e.resumable) add("div", "row", button("Continue", () => post({answers: {}}), "primary resume"))
    running(e.running, e.pending ? "Your approval is needed." : undefined)
    replayed = false
  },
  message(e) {
    asked = e.text
    drop(".again, .resume")
    add("p", "user", e.text)
    running(true)
  },
  text(e) {
    if (!answer && !e.text.trim()) return
    if (!answer) {
      answer = add("p", "answer")
      e.text = e.text.trimStart()
    }
    answer.append(e.text)
    answer.scrollIntoView({block: "nearest"})
  },
  calling(e) {
    call(e, "calling", "")
    running(true, `${nameOf(e.label)}: ${words(e.tool)} …`)
  },
  called(e) {
    named.delete(e.label)
    call(e, "done", "")
  },
  failed(e) {
    call(e, "bad", "failed")
    failure(e, "bad")
  },
  skipped(e) {
    const off = e.failure.kind === "not_connected"
    if (off && named.has(e.label)) return // once is enough
    if (off) named.add(e.label)
    failure(e, off ? "" : "bad")
  },
  asking(e) { ask(e.approval) },
  approved(e) {
    drop("#" + CSS.escape(e.approval.id))
    running(true)
  },
  denied(e) {
    drop("#" + CSS.escape(e.approval.id))
    call(e.approval, "denied", "denied")
    running(true)
  },
  waiting() { running(false, "Your approval is needed.") },
  done() { running(false) },
  error(e) {
    drop(".calling, .approval, .resume")
    running(false)
    if (e.code === "signed_out") return location.assign("/")
    failure(e, "bad")
  },
}

function show(e) {
  shows[e.event]?.(e)
}

const events = new EventSource(url)
events.onmessage = m => show(JSON.parse(m.data))
events.onopen = () => { if (status.textContent.startsWith("Reconnecting")) status.textContent = "" }
events.onerror = () => {
  status.textContent = events.readyState === EventSource.CLOSED ? "The chat is closed: load the page again." : "Reconnecting …"
}

find("#ask").onsubmit = async submit => {
  submit.preventDefault()
  if (await post({message: input.value})) input.value = ""
}
for (const example of document.querySelectorAll(".examples button")) {
  example.onclick = () => {
    input.focus()
    post({message: example.textContent})
  }
}
stop.onclick = () => post({stop: true})
