import { startBroker } from '../broker.ts';

/** A broker in a process of its own, to be killed: `node broker-process.ts key=value …` prints its port. */
const broker = await startBroker({ overrides: process.argv.slice(2) });
process.stdout.write(`${broker.port}\n`);
process.on('SIGTERM', () => void broker.close());
