// The same questions about groups to two brokers: every answer must be the same.
import assert from 'node:assert/strict';
import {
  deleteGroupsApi,
  findCoordinatorApi,
  listGroupsApi,
  offsetDeleteApi,
} from '@millrace/protocol';
import { startApacheKafka } from '../broker-under-test.ts';
import { assertEqualAnswers } from '../equal-answers.ts';
import type { ToolRoom } from '../tool-room.ts';
import { Connection } from './connection.ts';
import { Talk, TOPIC } from './talk.ts';

/** A check for the table: the broker of the room answers as Apache Kafka does. */
export async function groupAnswers({ broker }: ToolRoom): Promise<void> {
  const ours = await conversation(broker.bootstrap);
  const kafka = await startApacheKafka();
  try {
    const theirs = await conversation(kafka.bootstrap);
    assert.ok(theirs.length > 80, 'the conversation was cut short');
    assertEqualAnswers(ours, theirs);
  } finally {
    await kafka.stop();
  }
}

/** Everything that is said, in order. */
export async function conversation(bootstrap: string): Promise<readonly string[]> {
  const connection = await Connection.open(bootstrap);
  const second = await Connection.open(bootstrap);
  try {
    const talk = new Talk(connection, `group-answers-${process.pid}-${Date.now()}`);
    await talk.prepare();
    await withoutGroup(talk);
    await offsetsAlone(talk);
    const leader = await firstMember(talk);
    await secondMember(talk, leader, second);
    await staticMember(talk);
    await theEnd(talk);
    return talk.lines;
  } finally {
    connection.close();
    second.close();
  }
}

async function withoutGroup(talk: Talk): Promise<void> {
  const nobody = { memberId: 'nobody', generation: 1 };
  await talk.say('commit of a member', talk.commit({ 0: [1, null] }, nobody));
  for (const version of [5, 7]) {
    await talk.say(`join v${version} no group id`, talk.join(version, { groupId: '' }));
    await talk.say(`join v${version} stranger`, talk.join(version, { memberId: 'nobody' }));
  }
  await talk.say('join session too short', talk.join(5, { sessionTimeoutMs: 1 }));
  await talk.say('join no protocols', talk.join(5, { protocols: [] }));
  await talk.say('join no protocol type', talk.join(5, { protocolType: '' }));
  await talk.say('sync', talk.sync(3, nobody));
  await talk.say('heartbeat', talk.heartbeat(nobody));
  await talk.say('leave v1', talk.leave(1, [nobody]));
  await talk.say('leave v3', talk.leave(3, [nobody]));
  await talk.say('fetch', talk.fetch(5, [0, 9]));
  await talk.say('fetch all', talk.fetch(7, null));
  await talk.say('find unknown type', find(talk, 7));
}

async function offsetsAlone(talk: Talk): Promise<void> {
  await talk.say('commit', talk.commit({ 0: [5, null], 1: [6, 'x'.repeat(4096)], 9: [1, ''] }));
  await talk.say('commit long metadata', talk.commit({ 0: [7, 'x'.repeat(4097)], 1: [9, ''] }));
  await talk.say('commit unknown topic', talk.commit({ 0: [1, ''] }, { memberId: '' }, 'none'));
  await talk.say('commit negative', talk.commit({ 0: [-5, null] }));
  await talk.say('commit named', talk.commit({ 0: [8, null] }, { memberId: 'nobody' }));
  const stranger = { memberId: 'nobody', generation: 3 };
  await talk.say('commit with generation', talk.commit({ 0: [8, null] }, stranger));
  const instance = { memberId: '', instanceId: 'i' };
  await talk.say('commit with instance', talk.commit({ 0: [8, null] }, instance));
  await talk.say('fetch', talk.fetch(5, [0, 1, 9]));
  await talk.say('fetch all', talk.fetch(7, null));
  await talk.say('describe', talk.describe());
  await talk.say('list', list(talk, [], []));
  await talk.say('list by state and type', list(talk, ['eMpty'], ['CLASSIC']));
  await talk.say('list others', list(talk, ['Stable'], []));
  await talk.say('list bogus type', list(talk, [], ['bogus']));
  await talk.say('heartbeat', talk.heartbeat({ memberId: 'nobody', generation: 0 }));
  await talk.say('sync', talk.sync(3, { memberId: 'nobody', generation: 0 }));
  await talk.say('delete offsets', deleteOffsets(talk, [0, 7]));
}

async function firstMember(talk: Talk): Promise<string> {
  const { memberId, ...refused } = await talk.join(5);
  await talk.say('join', { memberId, ...refused });
  const pending = { memberId };
  await talk.say('heartbeat of a pending member', talk.heartbeat(pending));
  await talk.say('sync of a pending member', talk.sync(3, pending));
  await talk.say('describe with a pending member', talk.describe());
  const joined = await talk.join(5, { memberId });
  await talk.say('join with the id', joined);
  const leader = { memberId, generation: joined.generationId };
  await talk.say('heartbeat before sync', talk.heartbeat(leader));
  await talk.say('describe before sync', talk.describe());
  await talk.say('commit before sync', talk.commit({ 0: [9, null] }, leader));
  await talk.say('join again before sync', talk.join(5, { memberId }));
  await talk.say('sync other generation', talk.sync(3, { memberId, generation: 99 }));
  await talk.say('sync other name', talk.sync(5, leader, {}, { protocolName: 'other' }));
  await talk.say('sync other type', talk.sync(5, leader, {}, { protocolType: 'other' }));
  await talk.say('sync', talk.sync(5, leader, { [memberId]: 'AA', nobody: 'BB' }));
  await talk.say('describe', talk.describe());
  await talk.say('sync again', talk.sync(0, leader));
  await talk.say('heartbeat', talk.heartbeat(leader));
  await talk.say('heartbeat other generation', talk.heartbeat({ memberId, generation: 77 }));
  await talk.say('heartbeat stranger', talk.heartbeat({ ...leader, memberId: 'nobody' }));
  await talk.say('heartbeat instance', talk.heartbeat({ ...leader, instanceId: 'i' }));
  await talk.say('commit', talk.commit({ 0: [9, 'm'] }, leader));
  await talk.say('commit old', talk.commit({ 0: [9, null] }, { memberId, generation: 50 }));
  await talk.say('commit nobody', talk.commit({ 0: [9, null] }));
  await talk.say('commit stranger', talk.commit({ 0: [9, ''] }, { ...leader, memberId: 'x' }));
  await talk.say('delete group', deleteGroup(talk));
  await talk.say('delete offsets', deleteOffsets(talk, [0]));
  await talk.say('join other type', talk.join(5, { protocolType: 'connect' }));
  const other = [{ name: 'other', metadata: new Uint8Array(6) }];
  await talk.say('join other protocol', talk.join(5, { protocols: other }));
  return memberId;
}

async function secondMember(talk: Talk, leaderId: string, connection: Connection): Promise<void> {
  const old = { memberId: leaderId, generation: 1 };
  const joining = talk.join(3, {}, connection);
  while ((await talk.heartbeat(old)).errorCode !== 27);
  await talk.say('sync while gathering', talk.sync(3, old));
  await talk.say('commit while gathering', talk.commit({ 1: [10, null] }, old));
  await talk.say('describe while gathering', talk.describe());
  const again = await talk.join(5, { memberId: leaderId });
  const joined = await joining;
  await talk.say('leader rejoins', again);
  await talk.say('second member', joined);
  const { memberId, generationId: generation } = joined;
  const waiting = talk.sync(3, { memberId, generation }, {}, {}, connection);
  const plan = { [leaderId]: '1', [memberId]: '2' };
  await talk.say('leader syncs', talk.sync(3, { memberId: leaderId, generation }, plan));
  await talk.say('second member syncs', waiting);
  await talk.say('second member rejoins', talk.join(3, { memberId }, connection));
  const leaving = [{ memberId: leaderId }, { memberId: 'x' }, { memberId, instanceId: 'i' }];
  await talk.say('leave', talk.leave(4, [...leaving, { memberId }, { memberId }]));
  await talk.say('describe', talk.describe());
  await talk.say('heartbeat', talk.heartbeat({ memberId: leaderId, generation }));
  await talk.say('commit alone', talk.commit({ 1: [11, null] }));
}

async function staticMember(talk: Talk): Promise<void> {
  const instanceId = 'i1';
  const join = (version: number, memberId = '') =>
    talk.join(version, { groupInstanceId: instanceId, memberId });
  const first = await join(9);
  await talk.say('static join', first);
  const generation = first.generationId;
  const one = { memberId: first.memberId, generation, instanceId };
  await talk.say('static sync', talk.sync(5, one, { [first.memberId]: 'S' }));
  const back = await join(9);
  await talk.say('static leader back', back);
  const two = { memberId: back.memberId, generation, instanceId };
  await talk.say('old heartbeat', talk.heartbeat(one));
  await talk.say('old heartbeat, bare', talk.heartbeat({ memberId: one.memberId, generation }));
  await talk.say('wrong instance', talk.heartbeat({ ...two, instanceId: 'i9' }));
  await talk.say('sync after return', talk.sync(5, two));
  await talk.say('static leader back, v8', join(8));
  await talk.say('fenced join', join(9, two.memberId));
  await talk.say('fenced commit', talk.commit({ 0: [1, null] }, one));
  await talk.say('describe static', talk.describe());
  const byInstance = ['i1', 'i2'].map((id) => ({ memberId: '', instanceId: id }));
  await talk.say('leave by instance', talk.leave(5, byInstance));
  await talk.say('describe empty', talk.describe());
}

async function theEnd(talk: Talk): Promise<void> {
  await talk.say('delete group', deleteGroup(talk));
  await talk.say('fetch all', talk.fetch(5, null));
  await talk.say('describe v5', talk.describe());
  await talk.say('describe v6', talk.describe(6));
  await talk.say('delete again', deleteGroup(talk));
  await talk.say('delete offsets', deleteOffsets(talk, [0]));
}

function find(talk: Talk, keyType: number) {
  const request = { key: talk.group, keyType, coordinatorKeys: [] };
  return talk.connection.call(findCoordinatorApi, 2, request);
}

async function list(talk: Talk, statesFilter: string[], typesFilter: string[]) {
  const version = typesFilter.length > 0 ? 5 : 4;
  const answer = await talk.connection.call(listGroupsApi, version, { statesFilter, typesFilter });
  const groups = answer.groups.filter((group) => group.groupId === talk.group);
  return { errorCode: answer.errorCode, groups };
}

function deleteGroup(talk: Talk) {
  return talk.connection.call(deleteGroupsApi, 2, { groupsNames: [talk.group] });
}

function deleteOffsets(talk: Talk, partitions: readonly number[]) {
  const rows = partitions.map((partitionIndex) => ({ partitionIndex }));
  return talk.connection.call(offsetDeleteApi, 0, {
    groupId: talk.group,
    topics: [
      { name: TOPIC, partitions: rows },
      { name: 'none', partitions: [{ partitionIndex: 0 }] },
    ],
  });
}
