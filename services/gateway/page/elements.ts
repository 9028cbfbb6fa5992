/** The element with this id. @throws Error when the page has none of that kind. */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/** Tells what happened below a form; `isBad` in the colour of errors. */
export function tell(id: string, text: string, isBad = false): void {
  const note = element(id, HTMLParagraphElement);
  note.textContent = text;
  note.classList.toggle('bad', isBad);
}

/** A new element with text in it. */
export function made<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text: string,
  className = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className !== '') element.className = className;
  return element;
}
