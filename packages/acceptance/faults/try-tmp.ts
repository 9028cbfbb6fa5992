import { failedDisk } from './failed-flush.ts';
import { fullDisk } from './full-disk.ts';
const which = process.argv[2];
const t = performance.now();
if (which === 'full') await fullDisk();
else await failedDisk({ call: which as 'fdatasync', error: 'EIO' });
console.log('ok', which, Math.round(performance.now() - t));
process.exit(0);
