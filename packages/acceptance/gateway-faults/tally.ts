const COMPLAINTS_MAX = 100;
const COMPLAINTS_EACH_MAX = 3;

/** What all clients of a run have seen, counted. */
export class Tally {
  delivered = 0;
  /** Records that came again because the client that had them in hand was started anew. */
  repeated = 0;
  lost = 0;
  reordered = 0;
  duplicates = 0;
  /** Records that the log does not have, has otherwise, or that the filter should have held back. */
  wrong = 0;
  /** Records that compaction or conflation left out, each with a later one of its key in the log. */
  superseded = 0;
  /** Records of compacted topics that were gone when the oracle came by. */
  unverified = 0;
  gaps = 0;
  gapsExpected = 0;
  /** Gaps whose bounds nothing explains. */
  gapsWrong = 0;
  recreated = 0;
  recreatedExpected = 0;
  slowestResumeMs = 0;
  /** Times that a client lost its connection to a gateway. */
  disconnects = 0;
  /** The first ones, as text. */
  readonly complaints: string[] = [];
  readonly #counts = new Map<string, number>();
  /** Of the record that somebody is made to miss, counted down: proves that the run can fail. */
  dropIn: number;

  constructor(dropIn = 0) {
    this.dropIn = dropIn;
  }

  /** @param who each gets a few lines, so that nobody fills the list. */
  complain(text: string, who = ''): void {
    const count = (this.#counts.get(who) ?? 0) + 1;
    this.#counts.set(who, count);
    if (who !== '' && count > COMPLAINTS_EACH_MAX) return;
    if (this.complaints.length < COMPLAINTS_MAX) this.complaints.push(text);
  }

  /** True for the one record that is to be dropped. */
  isDropped(): boolean {
    return this.dropIn > 0 && --this.dropIn === 0;
  }
}
