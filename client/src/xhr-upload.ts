import { failureOf } from './exchange.ts';
import type { UploadAttempt } from './upload.ts';

/** Sends an upload by XMLHttpRequest, which alone tells a page how far it is; throws as `sendUpload` does. */
export function sendByXhr({ method, url, headers, credential, body, onProgress, signal }: UploadAttempt) {
  return new Promise<Response>((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = (): void => xhr.abort();
    const fail = (): void => reject(failureOf(url, signal));
    xhr.upload.onprogress = ({ loaded, total }) => onProgress?.({ sentBytes: loaded, totalBytes: total });
    xhr.onload = () => resolve(toResponse(xhr));
    xhr.onerror = fail;
    xhr.ontimeout = fail;
    xhr.onabort = fail;
    xhr.onloadend = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort, { once: true });
    xhr.open(method, url);
    for (const [name, value] of Object.entries({ ...headers, ...credential })) xhr.setRequestHeader(name, value);
    xhr.send(body);
  });
}

function toResponse(xhr: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return new Response(xhr.responseText || null, { status: xhr.status, headers });
}
