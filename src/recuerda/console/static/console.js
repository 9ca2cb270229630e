// The console works without this. With it: the agent's own time, keys for the review, live conversations.

const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = format.format(new Date(time.dateTime));
    time.title = time.dateTime;
  }
}

localTimes(document);

// -- review by keyboard ------------------------------------------------------------------------------------
const queue = document.querySelector("[data-queue]");
const facts = queue ? [...queue.children] : [];
const switched = document.querySelector("[data-keys-on]");

function currentFact() {
  return facts.indexOf(document.activeElement?.closest?.(".fact"));
}

function goTo(index) {
  const fact = facts[Math.max(0, Math.min(facts.length - 1, index))];
  fact?.focus({ preventScroll: true });
  fact?.scrollIntoView({ block: "center" });
}

if (queue && switched) {
  switched.checked = localStorage.getItem("recuerda-keys") !== "off";
  switched.addEventListener("change", () => {
    localStorage.setItem("recuerda-keys", switched.checked ? "on" : "off");
  });
  const named = location.hash && document.querySelector(`.fact${CSS.escape(location.hash).replace("\\#", "#")}`);
  if (named) goTo(facts.indexOf(named));
  else if (document.querySelector(".done")) goTo(0); // the last of the page was decided
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "Escape" && typing?.closest(".fact")) return goTo(currentFact());
    if (!switched.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = currentFact();
    if (event.key === "j") goTo(index + 1);
    else if (event.key === "k") goTo(index < 0 ? 0 : index - 1);
    else if (index >= 0 && "cerf".includes(event.key)) act(facts[index], event.key);
    else return;
    event.preventDefault();
  });
}

function act(fact, key) {
  const control = fact.querySelector(`[data-key="${key}"]`);
  control?.click();
  if (key === "e") fact.querySelector("details[open] textarea")?.focus();
}

// -- a conversation while it goes on -----------------------------------------------------------------------
const live = document.querySelector("[data-live]");
if (live) {
  live.scrollTop = live.scrollHeight;
  setInterval(refresh, 4000);
}

async function refresh() {
  if (document.hidden) return;
  let page;
  try {
    const response = await fetch(location.href);
    if (response.status === 404) return location.reload(); // it was erased: say so
    if (!response.ok || response.redirected) return;
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return; // away for a moment
  }
  const known = new Set([...live.querySelectorAll("[data-id]")].map((node) => node.dataset.id));
  const fresh = [...page.querySelectorAll("[data-live] [data-id]")].filter((node) => !known.has(node.dataset.id));
  for (const node of fresh) {
    localTimes(node);
    live.append(document.importNode(node, true));
  }
  if (fresh.length) {
    live.scrollTop = live.scrollHeight;
    const answers = document.querySelector("[name=answers]");
    if (answers) answers.value = fresh.at(-1).dataset.id;
  }
}
