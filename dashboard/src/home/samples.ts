/** A first request in one language. */
export interface Sample {
  id: string;
  label: string;
  code: string;
}

/** Returns the guide's first request for a server at this address; the key comes from the environment, never from here. */
export function samplesFor(serverUrl: string): readonly [Sample, ...Sample[]] {
  const url = `${serverUrl}/api/v1/documents/`;
  return [
    {
      id: 'curl',
      label: 'curl',
      code: `curl ${url} \\
  -H "X-API-Key: $INKSONG_API_KEY"`,
    },
    {
      id: 'python',
      label: 'Python',
      code: `import os
import requests

response = requests.get(
    "${url}",
    headers={"X-API-Key": os.environ["INKSONG_API_KEY"]},
)
response.raise_for_status()
print(response.json())`,
    },
    {
      id: 'javascript',
      label: 'JavaScript',
      code: `const response = await fetch("${url}", {
  headers: { "X-API-Key": process.env.INKSONG_API_KEY },
});
if (!response.ok) throw new Error(\`HTTP \${response.status}\`);
console.log(await response.json());`,
    },
  ];
}
