// Loaded before a program under test: makes it the version that FAULTS_VERSION names.
import { registerHooks } from 'node:module';
import { changes, type Version } from './version.ts';

const change = changes[process.env.FAULTS_VERSION as Version];
const url = new URL('../../src/database/migration-list.ts', import.meta.url).href;

registerHooks({
  load(loadedUrl, context, nextLoad) {
    const loaded = nextLoad(loadedUrl, context);
    return loadedUrl === url ? { ...loaded, source: `${loaded.source}\n${change}` } : loaded;
  },
});
