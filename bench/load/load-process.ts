// The load generator, in a process of its own: its time is not the server's, nor that of whoever leads the run.
import { type LoadTask, load } from './load.ts';

process.on('message', (task) => {
  load(task as LoadTask).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ fault: error.message }),
  );
});
process.once('disconnect', () => process.exit(0));
