// Builds the page's nodes. Text only ever becomes a text node: nothing anybody wrote is read as HTML.

/** `h("button", { class: "x", onclick: f, "aria-label": "y" }, "text", node, null)` */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

// [title](address), **strong**, a plain http(s) address, or a path of this site of two parts or more.
const PIECES =
  /\[([^\]\n]{1,200})\]\(([^()\s]{1,500})\)|\*\*([^*\n]{1,300})\*\*|(https?:\/\/[^\s<>"«»“”]{1,500})|(?<![\w/.:])(\/[a-z][\w-]*(?:\/[\w.-]+)+)/gi;
const TRAILING = /[.,;:!?)\]}'»”]+$/;

/** `text` with its lists and links, as a fragment. Lines that begin with "- " or "* " make a list. */
export function rich(text) {
  const fragment = document.createDocumentFragment();
  let list = null;
  let plain = [];
  const flush = () => {
    if (plain.length) fragment.append(inline(plain.join("\n")));
    plain = [];
  };
  for (const line of text.split("\n")) {
    const item = line.match(/^ {0,3}[-*•] +(?=\S)/);
    if (!item) {
      list = null;
      plain.push(line);
      continue;
    }
    flush();
    if (!list) fragment.append((list = h("ul")));
    list.append(h("li", {}, inline(line.slice(item[0].length))));
  }
  flush();
  return fragment;
}

function inline(text) {
  const fragment = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(PIECES)) {
    let [whole, title, target, strong, address, path] = match;
    if (address || path) {
      whole = whole.replace(TRAILING, "");
      target = title = whole;
    }
    fragment.append(text.slice(from, match.index));
    fragment.append(strong ? h("strong", {}, strong) : (link(title, target) ?? whole));
    from = match.index + whole.length;
  }
  fragment.append(text.slice(from));
  return fragment;
}

/** A link when the address is http(s) or a path of this site; null for anything else. */
function link(title, target) {
  const url = URL.canParse(target, location.href) ? new URL(target, location.href) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  if (url.origin === location.origin) return h("a", { href: url.href }, title);
  // A title can pretend; the host beside it cannot.
  const shown = title === target ? title : `${title} (${url.host})`;
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, shown);
}
