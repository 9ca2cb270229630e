// The chat a brand puts on its pages, as one custom element:
//   <script type="module" src="https://recuerda.example/widget.js" data-token-url="/chat-token" data-lang="es"></script>
// or <recuerda-chat token="..." lang="es"></recuerda-chat> where it should stand.
// Attributes: token or token-url (answers {token}), lang (en, es, pt), locale (es-CO), brand, suggestions (JSON).
import { Client, Problem, newKey } from "./widget/client.js";
import { h, icon } from "./widget/dom.js";
import { Rating } from "./widget/rating.js";
import { Thread } from "./widget/thread.js";
import { words } from "./widget/words.js";

const BASE = new URL(".", import.meta.url);
const KEPT = "recuerda-conversation";
const OPEN = "recuerda-open";
const ATTRIBUTES = ["token", "token-url", "lang", "locale", "brand", "suggestions"];
const BUBBLE = "M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z";
const CROSS = "M6 6l12 12M18 6L6 18";
const phone = matchMedia("(max-width: 640px)");

const store = {
  get: (key) => attempt(() => sessionStorage.getItem(key)),
  set: (key, value) =>
    attempt(() => (value ? sessionStorage.setItem(key, value) : sessionStorage.removeItem(key))),
};

function attempt(action) {
  try {
    return action();
  } catch {
    return null; // storage is refused: the conversation lives as long as the page
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

class RecuerdaChat extends HTMLElement {
  #text;
  #client;
  #thread;
  #parts = {};
  #id = store.get(KEPT);
  #status = "bot";
  #known = new Set(); // ids of the messages on screen
  #cursor = -1; // position of the last message fetched
  #line = Promise.resolve(); // messages are sent one after the other, in the order they were written
  #unsent = new Set();
  #resumed = false;
  #watching = false;

  connectedCallback() {
    if (this.shadowRoot) return;
    this.#text = words(this.getAttribute("lang") || document.documentElement.lang);
    this.#client = new Client({
      base: BASE.origin,
      token: this.getAttribute("token"),
      tokenUrl: this.getAttribute("token-url"),
    });
    this.#build();
    addEventListener("offline", () => this.#connection());
    addEventListener("online", () => {
      this.#connection();
      for (const retry of [...this.#unsent]) retry();
    });
    document.addEventListener("click", (event) => {
      const asked = event.target.closest?.("[data-recuerda-ask]");
      if (!asked) return;
      this.open();
      this.#parts.field.value = asked.dataset.recuerdaAsk;
      this.#grow();
    });
    this.#connection();
    // A page reached from the chat on a phone is what the customer wants to see, not the chat again.
    if (store.get(OPEN) && !phone.matches) this.open({ focus: false });
  }

  #build() {
    const text = this.#text;
    const root = this.attachShadow({ mode: "open" });
    const field = h("textarea", {
      id: "field", rows: "1", maxlength: "8000", placeholder: text.placeholder, "aria-label": text.label,
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#submit();
      },
      oninput: () => this.#grow(),
    });
    const log = h("div", {
      class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": text.log,
      tabindex: "0",
    });
    const composer = h(
      "form",
      { class: "composer", onsubmit: (event) => (event.preventDefault(), this.#submit()) },
      field,
      h("button", { type: "submit", class: "send" }, text.send),
    );
    const end = h("button", { type: "button", hidden: true, onclick: () => this.#rate() }, text.end);
    const person = h("button", { type: "button", onclick: () => this.#callPerson() }, text.person);
    const shut = h("button", { type: "button", class: "close", "aria-label": text.close, onclick: () => this.close() });
    shut.append(icon(CROSS));
    const offline = h("p", { class: "offline", role: "status", hidden: true });
    const panel = h(
      "dialog",
      { class: "panel", "aria-labelledby": "title", onkeydown: (e) => e.key === "Escape" && this.close() },
      h("header", {},
        h("div", {},
          h("h2", { id: "title" }, this.getAttribute("brand") || text.title), h("p", {}, text.subtitle)),
        shut),
      h("div", { class: "actions" }, person, end),
      offline, log, composer,
    );
    panel.addEventListener("cancel", (event) => (event.preventDefault(), this.close()));
    const launcher = h("button", {
      type: "button", class: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false",
      onclick: () => (panel.open ? this.close() : this.open()),
    }, icon(BUBBLE), h("span", {}, text.launch));
    const sheet = h("link", { rel: "stylesheet", href: new URL("widget.css", BASE).href });
    this.#parts = { field, log, composer, end, person, offline, panel, launcher };
    this.#thread = new Thread(log, text);
    panel.hidden = launcher.hidden = true; // until it is dressed
    sheet.addEventListener("load", () => (panel.hidden = launcher.hidden = false));
    root.append(sheet, launcher, panel);
  }

  open({ focus = true } = {}) {
    const { panel, launcher, field } = this.#parts;
    if (!panel.open) phone.matches ? panel.showModal() : panel.show();
    launcher.setAttribute("aria-expanded", "true");
    launcher.classList.remove("unread");
    store.set(OPEN, "1");
    if (focus) field.focus();
    else document.activeElement?.blur?.();
    if (!this.#resumed) this.#resume();
    this.#thread.toEnd();
  }

  close() {
    const { panel, launcher } = this.#parts;
    panel.close();
    launcher.setAttribute("aria-expanded", "false");
    store.set(OPEN, null);
    launcher.focus();
  }

  async #resume() {
    this.#resumed = true;
    if (!this.#id) return this.#empty();
    this.#thread.clear(h("p", { class: "notice" }, this.#text.opening));
    try {
      const [conversation, messages] = await Promise.all([
        this.#client.conversation(this.#id),
        this.#client.messages(this.#id),
      ]);
      this.#thread.clear();
      if (!messages.length) this.#empty();
      const mine = this.#show(messages);
      this.#follow(conversation);
      const facts = mine.length ? await this.#client.facts(conversation.customer_id) : [];
      for (const entry of mine) this.#remembered(entry, facts);
      if (messages.at(-1)?.author === "customer") this.#watch(10); // its reply is still being written
    } catch (error) {
      if (gone(error)) return this.#restart();
      this.#resumed = false;
      const again = h("button", { type: "button", class: "retry", onclick: () => this.#resume() }, this.#text.retry);
      this.#thread.clear(h("p", { class: "notice", role: "alert" }, this.#text.broken, " ", again));
    }
  }

  #empty() {
    const given = attempt(() => JSON.parse(this.getAttribute("suggestions")));
    const chips = Array.isArray(given) ? given.slice(0, 3) : this.#text.chips;
    const say = (chip) => h("button", { type: "button", onclick: () => this.#say(chip) }, chip);
    this.#thread.clear(
      h("div", { class: "empty" },
        h("h3", {}, this.#text.hello), h("p", {}, this.#text.empty),
        h("div", { class: "chips" }, ...chips.map((chip) => say(String(chip))))),
    );
  }

  /** Show those not on screen yet; returns the customer's own. */
  #show(messages) {
    const mine = [];
    for (const message of messages) {
      this.#cursor += 1;
      if (this.#known.has(message.id)) continue;
      this.#known.add(message.id);
      if (message.author !== "customer") {
        this.#thread.theirs(message);
        if (!this.#parts.panel.open) this.#parts.launcher.classList.add("unread");
        continue;
      }
      const entry = this.#thread.mine(message.text);
      entry.sent(message.id);
      mine.push(entry);
    }
    if (this.#known.size) this.#parts.end.hidden = false;
    return mine;
  }

  #grow() {
    const { field } = this.#parts;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 140)}px`;
  }

  #submit() {
    const { field } = this.#parts;
    const said = field.value.trim();
    if (!said) return field.focus();
    field.value = "";
    this.#grow();
    this.#say(said);
  }

  #say(said) {
    const entry = this.#thread.mine(said);
    const key = newKey();
    const send = () => {
      this.#unsent.delete(send);
      entry.sending();
      this.#parts.field.focus();
      this.#line = this.#line.then(() => this.#deliver(entry, said, key, send));
    };
    send();
  }

  async #deliver(entry, said, key, again) {
    const draft = this.#thread.draft();
    this.#parts.log.setAttribute("aria-busy", "true");
    let answered = false;
    try {
      await this.#opened();
      for await (const { name, data } of this.#client.say(this.#id, said, key)) {
        if (name === "accepted") {
          this.#known.add(data.message.id);
          entry.sent(data.message.id);
        } else if (name === "delta") draft.write(data.text);
        else if (name === "error") throw new Problem(data.problem.status, data.problem);
        else if (name === "reply") {
          answered = true;
          draft.remove();
          if (data.reply && !this.#known.has(data.reply.id)) {
            this.#known.add(data.reply.id);
            this.#thread.theirs(data.reply);
          }
        }
      }
      if (!answered) throw new Problem(0); // the connection broke in the middle
      this.#parts.end.hidden = false;
      this.#settle(entry).catch(() => {}); // the line below a message is no reason for an error
    } catch (error) {
      if (gone(error)) this.#forgetConversation();
      this.#unsent.add(again);
      entry.failed(again);
    } finally {
      draft.remove();
      this.#parts.log.removeAttribute("aria-busy");
    }
  }

  async #opened() {
    if (this.#id) return;
    const locale = this.getAttribute("locale") || this.#text.locale;
    this.#id = (await this.#client.open(locale, newKey())).id;
    store.set(KEPT, this.#id);
  }

  /** Once every job of the conversation has run, show what was taken from the message. */
  async #settle(entry) {
    for (let pause = 120; pause < 8000; pause *= 1.4) {
      const conversation = await this.#client.conversation(this.#id);
      this.#follow(conversation);
      if (conversation.memory === "settled") {
        return this.#remembered(entry, await this.#client.facts(conversation.customer_id));
      }
      await sleep(pause);
    }
  }

  #remembered(entry, facts) {
    const said = facts.filter((fact) => fact.evidence.some((words) => words.message_id === entry.id));
    entry.remember(said.reverse(), (id) => this.#client.forget(id));
  }

  /** Say so when a person takes over, gives back, or closes the conversation. */
  #follow({ status }) {
    if (status !== this.#status) {
      const notices = { waiting: "waiting", agent: "withAgent", bot: "back", resolved: "resolved" };
      this.#thread.notice(this.#text[notices[status]]);
      this.#status = status;
      if (status === "resolved") this.#rate({ focus: false });
    }
    this.#parts.person.hidden = status === "waiting" || status === "agent";
    if (status === "waiting" || status === "agent") this.#watch();
  }

  /** Fetch what others write, while a person has the conversation or for `rounds`. */
  async #watch(rounds = 0) {
    if (this.#watching) return;
    this.#watching = true;
    for (let round = 0; round < rounds || this.#status === "waiting" || this.#status === "agent"; round++) {
      await sleep(rounds ? 1000 : 2500);
      if (document.hidden || !this.#id) continue;
      try {
        this.#show(await this.#client.messages(this.#id, this.#cursor));
        this.#follow(await this.#client.conversation(this.#id));
      } catch (error) {
        if (gone(error)) break;
      }
    }
    this.#watching = false;
  }

  async #callPerson() {
    const { person, field } = this.#parts;
    person.disabled = true;
    try {
      await this.#opened();
      this.#follow(await this.#client.handOff(this.#id));
      this.#parts.end.hidden = false;
    } catch {
      this.#thread.notice(this.#text.broken);
    }
    person.disabled = false;
    field.focus();
  }

  #rate({ focus = true } = {}) {
    const { composer, panel } = this.#parts;
    if (panel.querySelector(".rating")) return;
    const card = new Rating(this.#text, {
      send: (rating, comment) => this.#client.rate(this.#id, rating, comment),
      restart: () => this.#restart(),
      leave: () => this.#write(),
    });
    composer.hidden = this.#status !== "resolved";
    panel.append(card.node);
    if (focus) card.focus();
  }

  #write() {
    this.#parts.panel.querySelector(".rating")?.remove();
    this.#parts.composer.hidden = false;
    this.#parts.field.focus();
  }

  #forgetConversation() {
    this.#id = null;
    store.set(KEPT, null);
    this.#client.forgetToken();
  }

  #restart() {
    this.#forgetConversation();
    this.#known.clear();
    this.#unsent.clear();
    this.#cursor = -1;
    this.#status = "bot";
    this.#parts.end.hidden = true;
    this.#parts.person.hidden = false;
    this.#empty();
    this.#write();
  }

  #connection() {
    this.#parts.offline.textContent = this.#text.offline; // said when shown
    this.#parts.offline.hidden = navigator.onLine;
  }
}

/** Whether the conversation, or the customer behind the token, is not there any more. */
function gone(error) {
  return error instanceof Problem && [401, 403, 404].includes(error.status);
}

customElements.define("recuerda-chat", RecuerdaChat);

const script = [...document.scripts].find((s) => s.src === import.meta.url);
if (script?.dataset.token || script?.dataset.tokenUrl) {
  const chat = document.createElement("recuerda-chat");
  for (const name of ATTRIBUTES) {
    if (script.hasAttribute(`data-${name}`)) chat.setAttribute(name, script.getAttribute(`data-${name}`));
  }
  document.body.append(chat);
}
