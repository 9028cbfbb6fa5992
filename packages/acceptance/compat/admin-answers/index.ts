// The same questions about topics, configs and the cluster to two brokers: the same answers.
import assert from 'node:assert/strict';
import { startApacheKafka } from '../broker-under-test.ts';
import { assertEqualAnswers } from '../equal-answers.ts';
import { Connection } from '../group-answers/connection.ts';
import type { ToolRoom } from '../tool-room.ts';
import { askConfigs } from './configs.ts';
import { Interview } from './interview.ts';
import { askTopics } from './topics.ts';

/** A check for the table: the broker of the room answers as Apache Kafka does. */
export async function adminAnswers({ broker }: ToolRoom): Promise<void> {
  const ours = await interview(broker.bootstrap);
  const kafka = await startApacheKafka();
  try {
    const theirs = await interview(kafka.bootstrap);
    assert.ok(theirs.length > 60, 'the interview was cut short');
    assertEqualAnswers(ours, theirs);
  } finally {
    await kafka.stop();
  }
}

/** Everything that was asked, with the error codes and values that came back, in order. */
export async function interview(bootstrap: string): Promise<readonly string[]> {
  const connection = await Connection.open(bootstrap);
  try {
    const { lines } = await ask(new Interview(connection));
    return lines;
  } finally {
    connection.close();
  }
}

async function ask(talk: Interview): Promise<Interview> {
  await askTopics(talk);
  await askConfigs(talk);
  return talk;
}
