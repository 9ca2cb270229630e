// One customer's conversation, kept for the tab: opened when first needed, said to, watched.
import { Problem, newKey } from "./client.js";

const KEPT = "recuerda-conversation";
const WATCHED = ["waiting", "agent"]; // a person has, or will have, the conversation

export const store = {
  get: (key) => attempt(() => sessionStorage.getItem(key)),
  set: (key, value) =>
    attempt(() => (value ? sessionStorage.setItem(key, value) : sessionStorage.removeItem(key))),
};

export function attempt(action) {
  try {
    return action();
  } catch {
    return null; // storage is refused: what is kept lives as long as the page
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Whether the conversation, or the customer behind the token, is not there any more. */
export function isGone(error) {
  return error instanceof Problem && [401, 403, 404].includes(error.status);
}

export class Talk {
  #client;
  #locale;
  #key = newKey(); // opening twice with it opens one conversation
  #watching = false;
  #cursor = -1; // position of the last message fetched
  #known = new Set();
  id = store.get(KEPT);
  status = "bot";

  constructor(client, locale) {
    this.#client = client;
    this.#locale = locale;
  }

  leave() {
    this.id = null;
    this.status = "bot";
    this.#key = newKey();
    this.#cursor = -1;
    this.#known.clear();
    store.set(KEPT, null);
    this.#client.forgetToken();
  }

  async opened() {
    if (this.id) return;
    this.id = (await this.#client.open(this.#locale, this.#key)).id;
    store.set(KEPT, this.id);
  }

  state() {
    return this.#client.conversation(this.id);
  }

  /** Messages fetched now that were not seen before. */
  async news() {
    const messages = await this.#client.messages(this.id, this.#cursor);
    this.#cursor += messages.length;
    return messages.filter((message) => this.isNew(message.id));
  }

  isNew(id) {
    const isNew = !this.#known.has(id);
    this.#known.add(id);
    return isNew;
  }

  /** Events of a turn; raises `Problem` when the reply cannot be written or the connection breaks. */
  async *say(text, key) {
    await this.opened();
    let answered = false;
    for await (const event of this.#client.say(this.id, text, key)) {
      if (event.name === "error") throw new Problem(event.data.problem.status, event.data.problem);
      if (event.name === "reply") answered = true;
      yield event;
    }
    if (!answered) throw new Problem(0);
  }

  /** The facts in force once every job of the conversation has run; `seen` is told each state on the way. */
  async settled(seen) {
    for (let pause = 120; pause < 8000; pause *= 1.4) {
      const state = await this.state();
      seen(state);
      if (state.memory === "settled") return this.facts(state);
      await sleep(pause);
    }
    return [];
  }

  facts(state) {
    return this.#client.facts(state.customer_id);
  }

  forget(factId) {
    return this.#client.forget(factId);
  }

  async callPerson() {
    await this.opened();
    return this.#client.handOff(this.id);
  }

  rate(rating, comment) {
    return this.#client.rate(this.id, rating, comment);
  }

  /** While a person has the conversation, or for `rounds` seconds, tell `seen` of what is new. */
  async watch(seen, rounds = 0) {
    if (this.#watching) return;
    this.#watching = true;
    for (let round = 0; round < rounds || WATCHED.includes(this.status); round++) {
      await sleep(round < rounds ? 1000 : 2500);
      if (document.hidden || !this.id) continue;
      try {
        seen(await this.news(), await this.state());
      } catch (error) {
        if (isGone(error)) break; // else the connection is away for a moment
      }
    }
    this.#watching = false;
  }
}
