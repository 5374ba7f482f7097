/** Moves the focus to what has to be typed again; what is wrong with it is read out with it. */
export function focusField(form: HTMLFormElement | null, name: string): void {
  const field = form?.elements.namedItem(name);
  if (field instanceof HTMLInputElement) field.select();
}
