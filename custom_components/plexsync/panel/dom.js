// Builds elements. Whatever comes from outside becomes text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/** Put values onto an element: `onclick` listens, `true` is an empty attribute, null is none. */
function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked") node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Make an element. Children are elements or text; null, undefined and false are left out. */
export function el(tag, values = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) if (name !== "value") set(node, name, value);
  add(node, ...children);
  if ("value" in values) set(node, "value", values.value); // once a select has its options
  return node;
}

/** Add children. */
export function add(node, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

/** Put other children in the place of all that there are. */
export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, ...children);
}

/** Put text into an element where it is another one: a screen reader hears of each change. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  return node;
}

const PATHS = {
  menu: "M3 6h18v2H3zm0 5h18v2H3zm0 5h18v2H3z",
  back: "M20 11v2H8l5.5 5.5-1.4 1.4L4.2 12l7.9-7.9 1.4 1.4L8 11z",
  lock: "M12 17a2 2 0 0 1-1-3.7V12h2v1.3A2 2 0 0 1 12 17m6-9a2 2 0 0 1 2 2v10H4V10a2 2 0 0 1 2-2h1V6a5 5 0 0 1 10 0v2zm-6-5a3 3 0 0 0-3 3v2h6V6a3 3 0 0 0-3-3",
  film: "M4 4h16v16H4zm2 2v2h2V6zm0 5v2h2v-2zm0 5v2h2v-2zm10-10v2h2V6zm0 5v2h2v-2zm0 5v2h2v-2zM10 6v5h4V6zm0 7v5h4v-5z",
};

/** Draw one of our own icons; it says nothing that the text beside it does not. */
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${size}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Make a button, which is given to `onclick`; `rests` says that it does nothing for now. */
export function button(text, onclick, { rests, ...values } = {}) {
  const node = el("button", { type: "button", class: "button", ...values }, text);
  node.addEventListener("click", () => node.ariaDisabled !== "true" && onclick(node));
  return rest(node, rests);
}

/** Let a button rest, or no longer; it keeps the focus, which one that is disabled would lose. */
export function rest(node, rests) {
  node.ariaDisabled = rests ? "true" : null;
  return node;
}

/** Make a select with its label; options are pairs of value and text. */
export function choose(label, options, value, onchange, name) {
  const select = el(
    "select",
    { value, name, onchange: () => onchange(select.value) },
    options.map(([each, text]) => el("option", { value: each }, text)),
  );
  return el("label", { class: "field" }, el("span", {}, label), select);
}

/** Ask whether to go on; the answer is true or false. */
export function confirm(page, { title, text, yes, no }) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { "aria-labelledby": "question", onclose: () => done() },
      el("h2", { id: "question" }, title),
      el("p", {}, text),
      el(
        "div",
        { class: "actions" },
        button(no, () => dialog.close("no"), { autofocus: true }),
        button(yes, () => dialog.close("yes"), { class: "button primary" }),
      ),
    );
    const done = () => resolve(dialog.returnValue === "yes");
    show(page, dialog);
  });
}

/** Show a dialog, which goes when it is closed. */
export function show(page, dialog) {
  dialog.addEventListener("close", () => {
    dialog.remove();
    page.refocus(); // what had the focus before may be gone
  });
  page.root.append(dialog);
  dialog.showModal();
}
