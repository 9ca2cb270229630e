// The conversation as it is shown: messages, what a reply rests on, what was remembered.
import { h, rich } from "./dom.js";

export class Thread {
  #log;
  #text;

  constructor(log, text) {
    this.#log = log;
    this.#text = text;
  }

  clear(...first) {
    this.#log.replaceChildren(...first);
  }

  /** Before anything is said: what the chat is for, and ways to begin. */
  empty(chips, say) {
    const buttons = chips.map((chip) => h("button", { type: "button", onclick: () => say(chip) }, chip));
    this.clear(
      h("div", { class: "empty" },
        h("h3", {}, this.#text.hello), h("p", {}, this.#text.empty), h("div", { class: "chips" }, ...buttons)),
    );
  }

  /** Ways to answer what the last message asked, until something else is said. */
  answers(chips, say) {
    const buttons = chips.map((chip) => h("button", { type: "button", onclick: () => say(chip) }, chip));
    this.#append(h("div", { class: "chips answers" }, ...buttons));
  }

  #append(node) {
    this.#log.querySelectorAll(".empty, .answers").forEach((past) => past.remove());
    this.#log.append(node);
    this.toEnd();
    return node;
  }

  #shown = new Map(); // fact id -> ways to show it as it is now, one a place

  showing(id, as) {
    this.#shown.set(id, [...(this.#shown.get(id) ?? []), as]);
  }

  /** Every fact on the page as it is now: forgotten in the chat, agreed to, brought back. */
  refresh(facts) {
    for (const fact of facts) for (const show of this.#shown.get(fact.id) ?? []) show(fact.status);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  notice(text) {
    this.#append(h("p", { class: "notice" }, text));
  }

  /** A message of the customer: shown at once, then sent, unsent, or remembered. */
  mine(text) {
    const node = this.#append(this.#message("customer", this.#text.you, text));
    return new Mine(node, this.#text, this);
  }

  /** A message saved already, by the assistant or an agent. */
  theirs(message) {
    const name = message.author === "agent" ? this.#text.agent : this.#text.assistant;
    const node = this.#message(message.author ?? "assistant", name, message.text, message.language);
    const details = receipt(message.receipt, this.#text);
    if (details) node.append(details);
    return this.#append(node);
  }

  /** A reply being written. Screen readers hear it once, when it is whole. */
  draft() {
    const dots = h("span", { class: "dots" }, h("i"), h("i"), h("i"));
    const body = h("div", { class: "text" }, dots);
    const node = h("div", { class: "message assistant draft", "aria-hidden": "true" }, body);
    this.#append(node);
    let written = "";
    return {
      write: (piece) => {
        written += piece;
        body.replaceChildren(rich(written));
        this.toEnd();
      },
      clear: () => {
        written = "";
        body.replaceChildren(dots);
      },
      remove: () => node.remove(),
    };
  }

  #message(author, name, text, language) {
    return h(
      "article",
      { class: `message ${author}` },
      h("h3", { class: author === "agent" ? "name" : "name unseen" }, name),
      h("div", { class: "text", lang: language }, rich(text)),
    );
  }
}

class Mine {
  #node;
  #text;
  #thread;
  #status = null;
  id = null;

  constructor(node, text, thread) {
    this.#node = node;
    this.#text = text;
    this.#thread = thread;
  }

  #below(node) {
    this.#status?.remove();
    this.#status = node;
    if (node) this.#node.append(node);
    this.#thread.toEnd();
  }

  sending() {
    this.#below(h("p", { class: "state" }, this.#text.sending));
  }

  sent(id) {
    this.id = id;
    this.#below(null);
  }

  failed(retry) {
    const why = this.id ? this.#text.unanswered : this.#text.unsent;
    const button = h("button", { type: "button", class: "retry", onclick: retry }, this.#text.retry);
    this.#below(h("p", { class: "state failed", role: "alert" }, why, " ", button));
  }

  /** What was taken from this message; each piece with a way to have it forgotten. */
  remember(facts, forget) {
    if (!facts.length) return;
    const list = h("ul", {}, ...facts.map((fact) => this.#fact(fact, forget)));
    this.#node.append(h("div", { class: "remembered" }, h("p", {}, this.#text.remembered), list));
    this.#thread.toEnd();
  }

  #fact(fact, forget) {
    const quote = fact.evidence.find((said) => said.message_id === this.id)?.quote ?? fact.statement;
    const button = h("button", { type: "button", "aria-label": this.#text.forgetThis(quote) }, this.#text.forget);
    const item = h("li", { tabindex: "-1" });
    let shown = null;
    const gone = () => {
      shown = "forgotten";
      item.classList.add("forgotten");
      item.replaceChildren(h("span", { role: "status" }, `${this.#text.forgotten}: `), h("s", {}, quote));
    };
    const show = (status) => {
      const as = status === "rejected" ? "forgotten" : status;
      if (as === shown) return; // nothing to read out again
      shown = as;
      if (as === "forgotten") return gone();
      const note = status === "proposed" ? [h("small", {}, ` (${this.#text.unconfirmed})`)] : [];
      item.classList.remove("forgotten");
      item.replaceChildren(h("span", {}, h("mark", {}, quote), ...note), button);
      button.disabled = false;
    };
    show(fact.status);
    this.#thread.showing(fact.id, show);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await forget(fact.id);
      } catch {
        button.disabled = false;
        button.focus();
        item.querySelector("[role=alert]")?.remove();
        item.append(h("span", { role: "alert" }, this.#text.forgetFailed));
        return;
      }
      gone();
      item.focus(); // the button that had it is gone
    });
    return item;
  }
}

function receipt(used, text) {
  if (!used) return null;
  const lines = used.because.map((known) => h("li", {}, why(known, text)));
  if (used.knowledge.length) lines.push(h("li", {}, text.documents(used.knowledge.length)));
  if (used.memories.length) lines.push(h("li", {}, text.memories(used.memories.length)));
  if (used.fallback) lines.push(h("li", {}, text.fallback));
  if (!lines.length) return null;
  const [first] = used.because;
  const more = used.because.length > 1 ? ` (+${used.because.length - 1})` : "";
  const summary = h("summary", {}, ...(first ? [why(first, text), more] : [text.used]));
  const title = first ? h("p", {}, text.used) : null;
  const details = h("details", { class: "because" }, summary, title, h("ul", {}, ...lines));
  details.addEventListener("toggle", () => details.open && details.scrollIntoView({ block: "nearest" }));
  return details;
}

function why(known, text) {
  if (!known.quote) return text.becauseKnown(known.statement);
  const at = new Date(known.at);
  const year = at.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  const day = new Intl.DateTimeFormat(text.locale, { day: "numeric", month: "long", ...year }).format(at);
  return text.because(day, known.quote);
}
