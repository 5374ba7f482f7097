import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const MiB = 1024 * 1024;

/** Runs a module in a process of its own, whose V8 nobody else has told anything, and returns what it prints. */
async function run(flags: readonly string[], program: string): Promise<string> {
  const started = promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', program], {
    timeout: 60_000,
  });
  return (await started).stdout.trim();
}

test('V8 optimises nothing until the start is over, and then also what was busy before', async () => {
  const program = `
    import { setImmediate } from 'node:timers/promises';
    import { endThriftyStart } from ${JSON.stringify(import.meta.resolve('./thrifty-start.ts'))};
    // Bits of OptimizationStatus in V8's runtime.h.
    const [byMaglev, byTurbofan] = [32, 64];
    const is = (bits) => (%GetOptimizationStatus(sum) & bits) !== 0;
    const sum = (to) => { let all = 0; for (let i = 0; i < to; i++) all += i % 7; return all; };
    const seen = new Set();
    const keepBusy = async () => {
      for (let turn = 0; turn < 4_000 && !is(byTurbofan); turn++) {
        sum(20_000);
        await setImmediate();
        if (is(byMaglev)) seen.add('maglev');
      }
      if (is(byTurbofan)) seen.add('turbofan');
    };
    await keepBusy();
    const before = seen.size;
    endThriftyStart();
    await keepBusy();
    console.log(before, ...seen);
  `;
  assert.equal(await run(['--allow-natives-syntax', '--no-maglev', '--no-turbofan'], program), '0 maglev turbofan');
});

/** Returns the most that V8 had reserved for the young generation while a program held much for a while. */
async function largestYoungGeneration(prepare: string): Promise<number> {
  const program = `
    import { setImmediate } from 'node:timers/promises';
    import { getHeapSpaceStatistics } from 'node:v8';
    import { letYoungGenerationGrow } from ${JSON.stringify(import.meta.resolve('./young-generation.ts'))};
    ${prepare}
    const held = [];
    let most = 0;
    for (let turn = 0; turn < 400; turn++) {
      held.push(Array.from({ length: 10_000 }, () => ({ turn })));
      if (held.length > 40) held.shift();
      await setImmediate();
      most = Math.max(most, getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size);
    }
    console.log(most);
  `;
  return Number(await run([], program));
}

test('V8’s young generation grows to 32 MiB under load, where by itself it would go on', async () => {
  assert.equal((await largestYoungGeneration('letYoungGenerationGrow();')) / MiB, 32);
  assert.ok((await largestYoungGeneration('')) > 32 * MiB);
});
