import { Tabs } from '@base-ui/react/tabs';
import { useState } from 'react';
import { CodeSample } from '../ui/code-sample.tsx';
import { Panel } from '../ui/panel.tsx';
import { samplesFor } from './samples.ts';

/** Where the chosen language is remembered in this browser. */
const storageName = 'sample-language';
const samples = samplesFor(location.origin);

/** A first request to this server, in the reader's language. */
export function Quickstart() {
  const [chosen, setChosen] = useState(readChoice);
  function choose(id: string): void {
    setChosen(id);
    try {
      localStorage.setItem(storageName, id);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  }
  return (
    <Panel
      title="Quickstart"
      about={
        <>
          Lists your documents. Put your key into the variable{' '}
          <code className="font-mono text-ink">INKSONG_API_KEY</code> first.
        </>
      }
    >
      <Tabs.Root value={chosen} onValueChange={choose}>
        <Tabs.List className="mb-3 flex gap-1 border-b border-line" aria-label="Language" activateOnFocus>
          {samples.map(({ id, label }) => (
            <Tabs.Tab
              key={id}
              value={id}
              className="-mb-px min-h-10 border-b-2 border-transparent px-3 text-sm text-muted hover:text-ink data-active:border-accent data-active:font-medium data-active:text-ink"
            >
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {samples.map(({ id, label, code }) => (
          <Tabs.Panel key={id} value={id} tabIndex={-1}>
            <CodeSample label={`First request in ${label}`} code={code} />
          </Tabs.Panel>
        ))}
      </Tabs.Root>
    </Panel>
  );
}

function readChoice(): string {
  try {
    const remembered = localStorage.getItem(storageName);
    return (samples.find(({ id }) => id === remembered) ?? samples[0]).id;
  } catch {
    return samples[0].id;
  }
}
