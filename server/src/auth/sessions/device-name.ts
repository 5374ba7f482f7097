import Bowser from 'bowser';

const unknown = 'Unknown device';
const safeName = /^[\w.-][\w .-]{0,39}$/;

/**
 * Returns a short text by which people recognise a device, such as `Firefox on Linux`, or the program's own name, such
 * as `curl`, when it is no browser.
 */
export function deviceName(userAgent: string): string {
  if (userAgent === '') return unknown;
  const { browser, os } = Bowser.parse(userAgent);
  const name = [browser.name, userAgent.split(/[/\s]/, 1)[0]].find((each) => safeName.test(each ?? '')) ?? unknown;
  return os.name !== undefined && safeName.test(os.name) ? `${name} on ${os.name}` : name;
}
