/* Elements made of data. Strings become text nodes and attributes, never markup. */

/** An element: `class`, attributes, listeners (`onclick`), and custom properties (`vars`); children that are null are
 *  left out. */
export function el(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "vars") for (const [own, given] of Object.entries(value)) node.style.setProperty(own, given);
    else if (key === "value") node.value = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...filled(children));
  return node;
}

/** Put children in the place of those that a node has. */
export function fill(node, ...children) {
  node.replaceChildren(...filled(children));
  return node;
}

export const byId = (id) => document.getElementById(id);

function filled(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
