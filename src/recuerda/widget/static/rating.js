// The card at the end of a chat: how was it, and then a new conversation.
import { h } from "./dom.js";

export class Rating {
  #legend;
  node;

  constructor(text, { send, restart, leave }) {
    this.#legend = h("legend", { tabindex: "-1" }, text.rate);
    const choices = text.rates.map((name, i) =>
      h("label", {}, h("input", { type: "radio", name: "rating", value: String(i + 1), required: true }),
        h("span", {}, name)),
    );
    const comment = h("textarea", { id: "comment", rows: "2", maxlength: "2000" });
    const problem = h("p", { class: "failed", role: "alert" });
    this.node = h(
      "form", { class: "rating" },
      h("fieldset", {}, this.#legend, h("div", { class: "choices" }, ...choices)),
      h("label", { for: "comment" }, text.comment), comment, problem,
      h("div", { class: "row" },
        h("button", { type: "submit", class: "send" }, text.rateSend),
        h("button", { type: "button", onclick: restart }, text.again),
        h("button", { type: "button", onclick: leave }, text.skip)),
    );
    this.node.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await send(Number(new FormData(this.node).get("rating")), comment.value.trim());
      } catch {
        problem.textContent = text.broken;
        return;
      }
      const again = h("button", { type: "button", class: "send", onclick: restart }, text.again);
      this.node.replaceChildren(h("p", { role: "status" }, text.rated), h("div", { class: "row" }, again));
      again.focus();
    });
  }

  focus() {
    this.#legend.focus();
  }
}
