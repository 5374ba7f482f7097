import { channel } from 'node:diagnostics_channel';

/** Something that happens in this process, told to whoever listens; telling costs next to nothing while nobody does. */
export interface Signal<T> {
  isHeard(): boolean;
  tell(value: T): void;
  /** Returns the function that ends the listening. */
  listen(listener: (value: T) => void): () => void;
}

/** @param name unique in the process */
export function createSignal<T>(name: string): Signal<T> {
  const told = channel(`inksong:${name}`);
  return {
    isHeard: () => told.hasSubscribers,
    tell: (value) => told.publish(value),
    listen(listener) {
      const onMessage = (value: unknown): void => listener(value as T);
      told.subscribe(onMessage);
      return () => void told.unsubscribe(onMessage);
    },
  };
}
