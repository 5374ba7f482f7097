/**
 * Returns a form with one file as a body whose length is known beforehand, which FormData does not tell: progress needs
 * the total. The file's bytes are referred to, not copied.
 */
export function uploadForm(file: Blob, filename: string, title?: string): { body: Blob; contentType: string } {
  // Lower case, because that is what Blob makes of its type.
  const boundary = `inksong-${crypto.randomUUID()}`;
  const part = (disposition: string, more = ''): string =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n`;
  const titlePart = title === undefined ? '' : `${part('name="title"')}${title}\r\n`;
  const type = file.type || 'application/octet-stream';
  const filePart = part(`name="file"; filename="${escaped(filename)}"`, `Content-Type: ${type}\r\n`);
  const contentType = `multipart/form-data; boundary=${boundary}`;
  return { contentType, body: new Blob([titlePart, filePart, file, `\r\n--${boundary}--\r\n`], { type: contentType }) };
}

/** As browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function escaped(name: string): string {
  return name.replace(/["\r\n]/g, (character) => encodeURIComponent(character));
}
