// How long the product takes from its spawning to its first answer, on a database that exists.
import { findingOf } from '../finding.ts';
import { inksong, inksongSettings } from '../inksong.ts';
import type { SectionResult } from '../section.ts';
import type { Workshop } from '../workshop.ts';

export const startsName = 'inksong-starts';

export async function measureStarts(workshop: Workshop): Promise<SectionResult> {
  const program = inksong(startsName, inksongSettings(await workshop.dataFolder(startsName)));
  const startMs: number[] = [];
  const idleMb: number[] = [];
  // The first one fills the compile cache.
  for (let start = -1; start < workshop.sizes.starts; start++) {
    const server = await workshop.start(program);
    if (start >= 0) {
      startMs.push(server.readyAfterMs);
      idleMb.push((await server.resources()).residentBytes / 1e6);
    }
    await workshop.stop(server);
  }
  return {
    subjects: [],
    findings: [
      findingOf('start: spawn to first 200', 'ms', 'less', startMs, 600),
      findingOf('resident when idle', 'MB', 'less', idleMb, 100),
    ],
  };
}
