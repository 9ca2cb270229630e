// The chat a brand puts on its pages, as one custom element:
//   <script type="module" src="https://recuerda.example/widget.js" data-token-url="/chat-token" data-lang="es"></script>
// or <recuerda-chat token="..." lang="es"></recuerda-chat> where it should stand.
// Attributes: token or token-url (answers {token}), lang (en, es, pt), locale (es-CO), brand, suggestions (JSON).
import { Client, newKey } from "./widget/client.js";
import { h } from "./widget/dom.js";
import { Panel } from "./widget/panel.js";
import { Rating } from "./widget/rating.js";
import { Talk, attempt, isGone, store } from "./widget/talk.js";
import { Thread } from "./widget/thread.js";
import { words } from "./widget/words.js";

const BASE = new URL(".", import.meta.url);
const OPEN = "recuerda-open";
const ATTRIBUTES = ["token", "token-url", "lang", "locale", "brand", "suggestions"];
const NOTICES = { waiting: "waiting", agent: "withAgent", bot: "back", resolved: "resolved" };

class RecuerdaChat extends HTMLElement {
  #text;
  #panel;
  #talk;
  #thread;
  #line = Promise.resolve(); // messages are sent one after the other, in the order they were written
  #unsent = new Set(); // what to call when the connection is back
  #resumed = false;

  connectedCallback() {
    if (this.shadowRoot) return;
    const text = (this.#text = words(this.getAttribute("lang") || document.documentElement.lang));
    const client = new Client({
      base: BASE.origin,
      token: this.getAttribute("token"),
      tokenUrl: this.getAttribute("token-url"),
    });
    this.#talk = new Talk(client, this.getAttribute("locale") || text.locale);
    this.#panel = new Panel(text, this.getAttribute("brand"), {
      toggle: () => (this.#panel.isOpen ? this.close() : this.open()),
      close: () => this.close(),
      submit: () => this.#submit(),
      person: () => this.#callPerson(),
      end: () => this.#rate(),
    });
    this.#thread = new Thread(this.#panel.log, text);
    this.#panel.mount(this.attachShadow({ mode: "open" }), new URL("widget.css", BASE).href);
    this.#listen();
    // A page reached from the chat on a phone is what the customer wants to see, not the chat again.
    if (store.get(OPEN) && !Panel.onPhone) this.open({ focus: false });
  }

  #listen() {
    addEventListener("offline", () => this.#connection());
    addEventListener("online", () => {
      this.#connection();
      for (const again of [...this.#unsent]) again();
    });
    document.addEventListener("click", (event) => {
      const asked = event.target.closest?.("[data-recuerda-ask]");
      if (!asked) return;
      this.open();
      this.#panel.write(asked.dataset.recuerdaAsk);
    });
    this.#connection();
  }

  #connection() {
    this.#panel.offline.textContent = navigator.onLine ? "" : this.#text.offline;
    this.#panel.offline.hidden = navigator.onLine;
  }

  open({ focus = true } = {}) {
    this.#panel.open();
    store.set(OPEN, "1");
    if (focus) this.#panel.field.focus();
    else this.shadowRoot.activeElement?.blur();
    if (!this.#resumed) this.#resume();
    this.#thread.toEnd();
  }

  close() {
    this.#panel.close();
    store.set(OPEN, null);
  }

  async #resume() {
    this.#resumed = true;
    if (!this.#talk.id) return this.#empty();
    this.#thread.clear(h("p", { class: "notice" }, this.#text.opening));
    try {
      const [state, messages] = await Promise.all([this.#talk.state(), this.#talk.news()]);
      this.#thread.clear();
      if (!messages.length) this.#empty();
      const mine = this.#show(messages);
      this.#follow(state);
      const facts = mine.length ? await this.#talk.facts(state) : [];
      for (const entry of mine) this.#remembered(entry, facts);
      if (messages.at(-1)?.author === "customer") this.#watch(15); // its reply is still being written
    } catch (error) {
      if (isGone(error)) return this.#restart();
      this.#resumed = false;
      const again = h("button", { type: "button", class: "retry", onclick: () => this.#resume() }, this.#text.retry);
      this.#thread.clear(h("p", { class: "notice", role: "alert" }, this.#text.broken, " ", again));
    }
  }

  #empty() {
    const given = attempt(() => JSON.parse(this.getAttribute("suggestions")));
    const chips = Array.isArray(given) ? given.slice(0, 3).map(String) : this.#text.chips;
    this.#thread.empty(chips, (chip) => this.#say(chip));
  }

  /** Show messages that are new here; returns the customer's own. */
  #show(messages) {
    const mine = [];
    for (const message of messages) {
      if (message.author === "customer") {
        const entry = this.#thread.mine(message.text);
        entry.sent(message.id);
        mine.push(entry);
      } else {
        this.#reply(message);
        this.#panel.unread();
      }
    }
    if (messages.length) this.#panel.end.hidden = false;
    return mine;
  }

  #reply(message) {
    this.#thread.theirs(message);
    if (message.receipt?.asked) this.#thread.answers(words(message.language).yesOrNo, (answer) => this.#say(answer));
  }

  #submit() {
    const said = this.#panel.take();
    said ? this.#say(said) : this.#panel.field.focus();
  }

  #say(said) {
    this.shadowRoot.querySelector(".rating")?.remove(); // it goes on
    const entry = this.#thread.mine(said);
    const key = newKey();
    const send = () => {
      this.#unsent.delete(send);
      entry.sending();
      this.#panel.field.focus();
      this.#line = this.#line.then(() => this.#deliver(entry, said, key, send));
    };
    send();
  }

  async #deliver(entry, said, key, again) {
    const draft = this.#thread.draft();
    this.#panel.log.setAttribute("aria-busy", "true");
    try {
      for await (const { name, data } of this.#talk.say(said, key)) {
        if (name === "accepted") {
          this.#talk.isNew(data.message.id);
          entry.sent(data.message.id);
        } else if (name === "delta") draft.write(data.text);
        else if (name === "restart") draft.clear();
        else if (name === "reply") {
          draft.remove();
          if (data.reply && this.#talk.isNew(data.reply.id)) this.#reply(data.reply);
        }
      }
      this.#panel.end.hidden = false;
      this.#learned(entry);
    } catch (error) {
      if (isGone(error)) return this.#gone(said);
      this.#unsent.add(again);
      entry.failed(again);
    } finally {
      draft.remove();
      this.#panel.log.removeAttribute("aria-busy");
    }
  }

  /** The conversation was erased, or its customer: nothing of it stays on the page. */
  #gone(said) {
    this.#restart();
    this.#thread.clear();
    this.#thread.notice(this.#text.gone);
    this.#panel.write(said);
  }

  async #learned(entry) {
    try {
      this.#remembered(entry, await this.#talk.settled((state) => this.#follow(state)));
    } catch {} // a line below a message is no reason to trouble anybody
  }

  #remembered(entry, facts) {
    this.#thread.refresh(facts); // what was said in words may have been forgotten, or brought back, elsewhere
    const current = facts.filter((fact) => fact.status === "active" || fact.status === "proposed");
    const said = current.filter((fact) => fact.evidence.some((words) => words.message_id === entry.id));
    entry.remember(said.reverse(), (id) => this.#talk.forget(id));
  }

  /** Say so when a person takes over, gives back, or closes the conversation. */
  #follow({ status }) {
    const withPerson = status === "waiting" || status === "agent";
    if (status !== this.#talk.status) {
      this.#thread.notice(this.#text[NOTICES[status]]);
      this.#talk.status = status;
      if (status === "resolved") this.#rate({ focus: false });
    }
    this.#panel.person.hidden = withPerson;
    if (withPerson) this.#watch();
  }

  #watch(rounds) {
    this.#talk.watch((messages, state) => {
      this.#show(messages);
      this.#follow(state);
    }, rounds);
  }

  async #callPerson() {
    this.#panel.person.disabled = true;
    try {
      this.#follow(await this.#talk.callPerson());
      this.#panel.end.hidden = false;
    } catch {
      this.#thread.notice(this.#text.broken);
    }
    this.#panel.person.disabled = false;
    this.#panel.field.focus();
  }

  #rate({ focus = true } = {}) {
    if (this.shadowRoot.querySelector(".rating")) return;
    const card = new Rating(this.#text, {
      send: (rating, comment) => this.#talk.rate(rating, comment),
      restart: () => this.#restart(),
      leave: () => this.#write(),
    });
    this.#panel.composer.hidden = this.#talk.status !== "resolved"; // writing opens it again
    this.#panel.dialog.append(card.node);
    this.#thread.toEnd();
    if (focus) card.focus();
  }

  #write() {
    this.shadowRoot.querySelector(".rating")?.remove();
    this.#panel.composer.hidden = false;
    this.#panel.field.focus();
  }

  #restart() {
    this.#talk.leave();
    this.#unsent.clear();
    this.#panel.end.hidden = true;
    this.#panel.person.hidden = false;
    this.#empty();
    this.#write();
  }
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
