import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState } from 'react';
import { Failure } from '../ui/failure.tsx';
import { Notice } from '../ui/notice.tsx';
import { lineRange, withAddress } from './address-lines.ts';
import { AddressText } from './address-text.tsx';
import { addressCheckKey, checkAddresses } from './api-key-query.ts';
import { LineFaults } from './line-faults.tsx';
import { ShutOutList } from './shut-out.tsx';
import { YourAddress } from './your-address.tsx';

/** How long nothing is typed before the list is checked. */
const pauseMs = 400;

/** A list of addresses as text, checked by the server while it is being typed. */
export function AddressEditor({ id, text, isChanged, refused, onChange }: AddressEditorProps) {
  const faultsId = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [checkedText, setCheckedText] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setCheckedText(text), pauseMs);
    return () => clearTimeout(timer);
  }, [text]);
  const check = useQuery({
    queryKey: addressCheckKey(id, checkedText),
    queryFn: () => checkAddresses(id, checkedText),
    enabled: isChanged && checkedText.trim() !== '',
    placeholderData: keepPreviousData,
  });
  // Nothing is said of what is saved already, nor of a list that was just begun.
  const { faults, shutOut } = (isChanged && check.data) || { faults: [], shutOut: [] };

  function goToLine(line: number): void {
    const { start, end } = lineRange(text, line);
    field.current?.focus();
    field.current?.setSelectionRange(start, end);
  }
  useEffect(() => {
    if (refused === null) return;
    setCheckedText(refused.text);
    field.current?.focus();
  }, [refused]);

  return (
    <div className="flex flex-col gap-3">
      <AddressText
        ref={field}
        text={text}
        faultyLines={new Set(faults.map(({ line }) => line))}
        faultsId={faults.length > 0 ? faultsId : undefined}
        onChange={onChange}
      />
      <LineFaults id={faultsId} faults={faults} onGoTo={goToLine} />
      <YourAddress id={id} text={text} onAdd={(address) => onChange(withAddress(text, address))} />
      {shutOut.length > 0 && (
        <Notice kind="warning" title="This list would shut out addresses that have used the key in the last 30 days">
          <ShutOutList shutOut={shutOut} />
        </Notice>
      )}
      {check.error ? <Failure error={check.error} onRetry={() => void check.refetch()} /> : null}
    </div>
  );
}

interface AddressEditorProps {
  id: string;
  text: string;
  isChanged: boolean;
  /** The text whose saving was refused for its lines. */
  refused: { text: string } | null;
  onChange: (text: string) => void;
}
