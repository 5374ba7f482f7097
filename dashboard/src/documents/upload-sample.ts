/** Returns a command that stores a small document on the server at `origin`; it needs nothing but curl and the key. */
export function uploadSample(origin: string): string {
  return `echo "Hello" | curl ${origin}/api/v1/documents/ \\
  -H "X-API-Key: ink_YOUR_KEY_HERE" \\
  -F "file=@-;filename=hello.txt;type=text/plain"`;
}
