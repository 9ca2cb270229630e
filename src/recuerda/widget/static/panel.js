// The chat's frame: the button in the corner and the panel it opens.
import { h, icon } from "./dom.js";

const BUBBLE = "M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z";
const CROSS = "M6 6l12 12M18 6L6 18";
const phone = matchMedia("(max-width: 640px)");

/** `on` answers: toggle, close, submit, person, end. */
export class Panel {
  constructor(text, brand, on) {
    this.field = h("textarea", {
      id: "field", rows: "1", maxlength: "8000", placeholder: text.placeholder, "aria-label": text.label,
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        on.submit();
      },
      oninput: () => this.grow(),
    });
    this.log = h("div", {
      class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": text.log,
      tabindex: "0",
    });
    this.composer = h(
      "form",
      { class: "composer", onsubmit: (event) => (event.preventDefault(), on.submit()) },
      this.field,
      h("button", { type: "submit", class: "send" }, text.send),
    );
    this.person = h("button", { type: "button", onclick: on.person }, text.person);
    this.end = h("button", { type: "button", hidden: true, onclick: on.end }, text.end);
    this.offline = h("p", { class: "offline", role: "status", hidden: true });
    this.dialog = h(
      "dialog",
      { class: "panel", "aria-labelledby": "title", onkeydown: (event) => event.key === "Escape" && on.close() },
      h("div", { class: "head" },
        h("div", {}, h("h2", { id: "title" }, brand || text.title), h("p", {}, text.subtitle)),
        h("button", { type: "button", class: "close", "aria-label": text.close, onclick: on.close }, icon(CROSS))),
      h("div", { class: "actions" }, this.person, this.end),
      this.offline, this.log, this.composer,
    );
    this.dialog.addEventListener("cancel", (event) => (event.preventDefault(), on.close()));
    this.launcher = h("button", {
      type: "button", class: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: on.toggle,
    }, icon(BUBBLE), h("span", {}, text.launch));
  }

  /** Put the panel into the shadow tree; it shows once its styles are there. */
  mount(root, styles) {
    this.dialog.hidden = this.launcher.hidden = true;
    const sheet = h("link", { rel: "stylesheet", href: styles });
    sheet.addEventListener("load", () => (this.dialog.hidden = this.launcher.hidden = false));
    root.append(sheet, this.launcher, this.dialog);
  }

  static get onPhone() {
    return phone.matches;
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** On a phone it covers the page and keeps the focus; elsewhere the page stays in reach. */
  open() {
    if (!this.isOpen) phone.matches ? this.dialog.showModal() : this.dialog.show();
    this.launcher.setAttribute("aria-expanded", "true");
    this.launcher.classList.remove("unread");
  }

  close() {
    this.dialog.close();
    this.launcher.setAttribute("aria-expanded", "false");
    this.launcher.focus();
  }

  unread() {
    if (!this.isOpen) this.launcher.classList.add("unread");
  }

  /** What stands in the field, taken out of it. */
  take() {
    const written = this.field.value.trim();
    if (written) this.write("");
    return written;
  }

  write(text) {
    this.field.value = text;
    this.grow();
  }

  /** As tall as what is written, up to six lines. */
  grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 140)}px`;
  }
}
