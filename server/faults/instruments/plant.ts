// Loaded before a server under test: puts the defect named by FAULTS_PLANTED_DEFECT into the source that Node reads.
import { registerHooks } from 'node:module';
import { type PlantedDefect, plant } from './planted-defect.ts';

const defect: PlantedDefect = JSON.parse(process.env.FAULTS_PLANTED_DEFECT ?? '');
const url = new URL(`../../src/${defect.file}`, import.meta.url).href;

registerHooks({
  load(loadedUrl, context, nextLoad) {
    const loaded = nextLoad(loadedUrl, context);
    if (loadedUrl !== url) return loaded;
    return { ...loaded, source: plant(String(loaded.source), defect) };
  },
});
