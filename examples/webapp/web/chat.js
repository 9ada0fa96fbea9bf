"use strict"
// The page of a chat: it shows the events of package sessionhttp as they come.

const log = document.querySelector("#log"), input = document.querySelector("#question")
const status = document.querySelector("#status"), stop = document.querySelector("#stop")
const url = "/chats/" + encodeURIComponent(log.dataset.chat)
let asked = "" // the latest message
let answer = null // the element that text is added to

function element(tag, className, ...content) {
  const e = document.createElement(tag)
  e.className = className
  e.append(...content)
  return e
}

function add(className, ...content) {
  answer = null
  const e = element("li", className, ...content)
  log.append(e)
  e.scrollIntoView({block: "nearest"})
  return e
}

function button(text, action, className = "") {
  const b = element("button", className, text)
  b.type = "button"
  b.onclick = action
  return b
}

function running(is) {
  status.textContent = is ? "The assistant works …" : ""
  stop.hidden = !is
}

async function post(body) {
  const headers = {"Content-Type": "application/json"}
  try {
    const response = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)})
    if (response.ok) return true
    status.textContent = (await response.json()).error.message
  } catch {
    status.textContent = "The site can't be reached: try again."
  }
  return false
}

// failure shows what failed, with the steps that help.
function failure(e, className) {
  const steps = element("div", "row")
  const link = e.failure?.consent_url
  if (link) {
    const a = element("a", "button", e.failure.action === "connect" ? "Connect" : "Connect again")
    a.href = link
    steps.append(a)
  }
  if (asked && e.event !== "failed") {
    const again = asked
    steps.append(button("Ask again", () => post({message: again})))
  }
  add(className, element("p", "", e.message), steps)
}

function call(e) {
  const name = (e.label ? e.label + ": " : "") + e.tool
  return [name + " ", element("code", "", e.arguments && e.arguments !== "{}" ? e.arguments : "")]
}

// ask shows a call that needs the user's word.
function ask(a) {
  if (document.getElementById(a.id)) return
  const decide = decision => post({answers: {[a.id]: {decision}}})
  const e = add("approval", element("p", "", "May the assistant call ", ...call(a), "?"),
    element("div", "row", button("Approve", () => decide("approve"), "primary"), button("Deny", () => decide("deny"))))
  e.id = a.id
}

const shows = {
  state(e) {
    log.replaceChildren()
    answer = null
    e.events.forEach(show)
    e.pending?.forEach(ask)
    running(e.running)
    if (e.resumable) add("approval", element("div", "row", button("Continue", () => post({answers: {}}), "primary")))
  },
  message(e) {
    asked = e.text
    add("user", e.text)
    running(true)
  },
  text(e) {
    if (!answer) {
      answer = add("answer")
      e.text = e.text.trimStart()
    }
    answer.append(e.text)
  },
  calling(e) { add("call calling", "Calling ", ...call(e)) },
  called(e) {
    log.querySelector(".calling")?.remove()
    add("call good", "✓ Called ", ...call(e))
  },
  failed(e) {
    log.querySelector(".calling")?.remove()
    failure(e, "failure")
  },
  skipped(e) { failure(e, e.failure.kind === "not_connected" ? "failure note" : "failure") },
  asking(e) { ask(e.approval) },
  approved(e) {
    document.getElementById(e.approval.id)?.remove()
    running(true)
  },
  denied(e) {
    document.getElementById(e.approval.id)?.remove()
    add("call bad", "✗ Denied ", ...call(e.approval))
    running(true)
  },
  waiting() { running(false) },
  done() { running(false) },
  error(e) {
    log.querySelectorAll(".calling, .approval").forEach(old => old.remove())
    running(false)
    if (e.code === "signed_out") return location.assign("/")
    failure(e, "failure")
  },
}

function show(e) {
  shows[e.event]?.(e)
}

const events = new EventSource(url)
events.onmessage = m => show(JSON.parse(m.data))
events.onopen = () => { if (status.textContent.startsWith("Reconnecting")) running(!stop.hidden) }
events.onerror = () => {
  status.textContent = events.readyState === EventSource.CLOSED ? "The chat is closed: load the page again." : "Reconnecting …"
}

document.querySelector("#ask").onsubmit = async submit => {
  submit.preventDefault()
  if (await post({message: input.value})) input.value = ""
}
for (const example of document.querySelectorAll(".example")) example.onclick = () => post({message: example.textContent})
stop.onclick = () => post({stop: true})
