// Talks to Recuerda's API for one customer: the token, plain calls, and replies as they are written.

export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.status = status;
  }
}

export class Client {
  #base;
  #token;
  #tokenUrl;

  /** `token` is used while it lasts; `tokenUrl` answers `{token}` and is asked for the next one. */
  constructor({ base, token, tokenUrl }) {
    this.#base = base;
    this.#token = token;
    this.#tokenUrl = tokenUrl;
  }

  async #fetch(path, { method = "GET", body, key, accept = "application/json" } = {}, again = true) {
    if (!this.#token) await this.#renew();
    const headers = { Accept: accept, Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const response = await fetch(`${this.#base}${path}`, { method, headers, body: JSON.stringify(body) });
    if (response.status === 401 && again && this.#tokenUrl) {
      this.#token = undefined; // it ran out
      return this.#fetch(path, { method, body, key, accept }, false);
    }
    if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
    return response;
  }

  async #renew() {
    if (!this.#tokenUrl) throw new Problem(401);
    const response = await fetch(this.#tokenUrl, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Problem(response.status);
    this.#token = (await response.json()).token;
  }

  /** Ask for a new token at the next call: the customer behind the old one is gone. */
  forgetToken() {
    if (this.#tokenUrl) this.#token = undefined;
  }

  async #json(path, options) {
    return (await this.#fetch(path, options)).json();
  }

  open(locale, key) {
    return this.#json("/v1/conversations", { method: "POST", body: { channel: "web", locale }, key });
  }

  conversation(id) {
    return this.#json(`/v1/conversations/${id}`);
  }

  /** All messages past position `after`, oldest first. */
  async messages(id, after = -1) {
    const found = [];
    for (let cursor = after; cursor !== null; ) {
      const page = await this.#json(`/v1/conversations/${id}/messages?cursor=${cursor}&limit=200`);
      found.push(...page.items);
      cursor = page.next_cursor;
    }
    return found;
  }

  handOff(id) {
    return this.#json(`/v1/conversations/${id}/handoff`, { method: "POST" });
  }

  rate(id, rating, comment) {
    const body = comment ? { rating, comment } : { rating };
    return this.#json(`/v1/conversations/${id}/rating`, { method: "POST", body });
  }

  /** The customer's current facts, newest first. */
  async facts(customerId) {
    const page = await this.#json(`/v1/customers/${customerId}/facts?limit=200`);
    return page.items;
  }

  forget(factId) {
    return this.#json(`/v1/facts/${factId}/decisions`, { method: "POST", body: { decision: "forget" } });
  }

  /** The events of one turn: `{name, data}`. The same `key` never says it twice. */
  async *say(id, text, key) {
    const response = await this.#fetch(`/v1/conversations/${id}/messages`, {
      method: "POST",
      body: { text },
      key,
      accept: "text/event-stream",
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let pending = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (pending + value).split(/\r?\n\r?\n/);
      pending = parts.pop();
      for (const part of parts) {
        const event = parseEvent(part);
        if (event) yield event;
      }
    }
  }
}

function parseEvent(text) {
  let name = "message";
  const data = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing on plain http
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
