// How long the product takes from its spawning to its first answer, on a database that exists.
import { inksong, inksongSettings } from '../inksong.ts';
import type { SectionResult } from '../section.ts';
import { spreadOf } from '../spread.ts';
import type { Workshop } from '../workshop.ts';

export const startsName = 'inksong-starts';

export async function measureStarts(workshop: Workshop): Promise<SectionResult> {
  const program = inksong(startsName, inksongSettings(await workshop.dataFolder(startsName)));
  const startMs: number[] = [];
  const idleMiB: number[] = [];
  // The first one fills the compile cache.
  for (let start = -1; start < workshop.sizes.starts; start++) {
    const server = await workshop.start(program);
    if (start >= 0) {
      startMs.push(server.readyAfterMs);
      idleMiB.push((await server.resources()).residentBytes / 1024 ** 2);
    }
    await workshop.stop(server);
  }
  return {
    subjects: [],
    findings: [
      { name: 'start: spawn to first 200', unit: 'ms', ...spreadOf(startMs), wanted: { atMost: 600 } },
      { name: 'start: resident when idle', unit: 'MiB', ...spreadOf(idleMiB), wanted: { atMost: 100 } },
    ],
  };
}
