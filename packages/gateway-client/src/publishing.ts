// What a page loads when it publishes for the first time.
export { batchWork, recordWork } from './publish-entry.ts';
export { Publisher } from './publisher.ts';
