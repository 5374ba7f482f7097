import { Fragment } from 'react';

/** An IP address, which breaks between its groups where it is too long for its line. */
export function Address({ address }: { address: string }) {
  return (
    <span className="font-mono text-[0.8125rem]">
      {address.split(/(?<=:)/).map((group, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: groups repeat and never move.
        <Fragment key={index}>
          <wbr />
          {group}
        </Fragment>
      ))}
    </span>
  );
}
