import { ErrorCode } from '@millrace/protocol';
import type { JoinResult, SyncResult } from '../group/member.ts';
import { type GroupHarness, type Pending, resultOf } from './group-harness.ts';

export const SIMULATED_PARTITION_COUNT = 7;

/** Which client owned which partitions in which generation, as far as anyone was told. */
export type Ownership = Map<number, Map<number, string>>;

/** A consumer that follows the protocol: it reacts to every answer as a client must. For tests only. */
export class SimulatedConsumer {
  readonly name: string;
  readonly instanceId: string | null;
  readonly version: number;
  #harness: GroupHarness;
  readonly #ownership: Ownership;
  #join: Pending<JoinResult> | null = null;
  #sync: Pending<SyncResult> | null = null;
  #joined: JoinResult | null = null;
  memberId = '';
  /** Generation it last got an assignment in. */
  generation = 0;
  isStable = false;
  isFenced = false;
  /** Answers a client that obeys the protocol must never see. */
  readonly surprises: string[] = [];

  constructor(
    name: string,
    harness: GroupHarness,
    ownership: Ownership,
    options: { readonly instanceId: string | null; readonly version: number },
  ) {
    this.name = name;
    this.#harness = harness;
    this.#ownership = ownership;
    this.instanceId = options.instanceId;
    this.version = options.version;
  }

  /** The broker restarted: parked requests are gone with their connection. */
  reconnect(harness: GroupHarness): void {
    this.#harness = harness;
    this.#join = null;
    this.#sync = null;
    this.isStable = this.isStable && this.#joined !== null;
    if (!this.isStable) this.#joined = null;
  }

  /** Does whatever is due: takes answers, beats, joins. Call again after the harness has settled. */
  step(): void {
    if (this.isFenced) return;
    if (this.#join !== null) this.#takeJoin(this.#join);
    else if (this.#sync !== null) this.#takeSync(this.#sync);
    else if (this.isStable && this.#joined !== null) this.#beat(this.#joined);
    else this.#sendJoin();
  }

  leave(): void {
    if (this.memberId !== '') this.#harness.leave(this.memberId, this.instanceId);
  }

  get isWaiting(): boolean {
    return this.#join !== null || this.#sync !== null;
  }

  #sendJoin(): void {
    this.isStable = false;
    this.#join = this.#harness.join({
      memberId: this.memberId,
      instanceId: this.instanceId,
      version: this.version,
      rebalanceTimeoutMs: 12_000,
    });
  }

  #takeJoin(pending: Pending<JoinResult>): void {
    if (pending.result === null) return;
    this.#join = null;
    const joined = resultOf(pending);
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.memberId = joined.memberId;
      this.#sendJoin();
    } else if (joined.errorCode === ErrorCode.NONE) {
      this.memberId = joined.memberId;
      this.#joined = joined;
      if (joined.generation < this.generation) this.surprises.push('a generation went back');
      this.#sendSync(joined);
    } else this.#fail(joined.errorCode, 'join');
  }

  #sendSync(joined: JoinResult): void {
    const assignments: Record<string, string> = {};
    if (joined.leaderId === joined.memberId && !joined.skipAssignment) {
      joined.members.forEach(({ memberId }, index) => {
        const own: number[] = [];
        for (let p = index; p < SIMULATED_PARTITION_COUNT; p += joined.members.length) own.push(p);
        assignments[memberId] = own.join(',');
      });
    }
    this.#sync = this.#harness.sync(joined, assignments, { instanceId: this.instanceId });
  }

  #takeSync(pending: Pending<SyncResult>): void {
    if (pending.result === null) return;
    this.#sync = null;
    const { errorCode, assignment } = resultOf(pending);
    if (errorCode !== ErrorCode.NONE) {
      this.#fail(errorCode, 'sync');
      return;
    }
    this.isStable = true;
    this.generation = this.#joined?.generation ?? -1;
    const text = Buffer.from(assignment).toString();
    for (const partition of text === '' ? [] : text.split(',').map(Number)) this.#own(partition);
  }

  #own(partition: number): void {
    let owners = this.#ownership.get(this.generation);
    if (owners === undefined) {
      owners = new Map();
      this.#ownership.set(this.generation, owners);
    }
    // A static member that came back owns what its earlier self owned.
    const self = this.instanceId ?? this.memberId;
    const other = owners.get(partition);
    if (other !== undefined && other !== self) {
      this.surprises.push(`partition ${partition} has two owners in ${this.generation}`);
    }
    owners.set(partition, self);
  }

  #beat(joined: JoinResult): void {
    const options = this.instanceId === null ? {} : { instanceId: this.instanceId };
    const errorCode = this.#harness.heartbeat(joined, options);
    if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS) this.#sendJoin();
    else if (errorCode !== ErrorCode.NONE) this.#fail(errorCode, 'heartbeat');
  }

  #fail(errorCode: number, what: string): void {
    this.isStable = false;
    this.#joined = null;
    if (errorCode === ErrorCode.FENCED_INSTANCE_ID) this.isFenced = true;
    else if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) {
      this.surprises.push(`${what} of ${this.name}: not known any more`);
      this.memberId = '';
    } else if (errorCode === ErrorCode.ILLEGAL_GENERATION) {
      this.surprises.push(`${what} of ${this.name}: another generation`);
    }
  }
}
