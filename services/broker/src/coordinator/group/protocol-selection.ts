import type { Member } from './member.ts';

/**
 * The protocol of the next generation: among those that every member supports, each member votes for
 * the first of its own list; most votes win, and of equals the one voted for first.
 * @returns null without members, or when they share no protocol.
 */
export function selectProtocol(members: Iterable<Member>): string | null {
  const all = [...members];
  const supporterCounts = new Map<string, number>();
  for (const member of all) {
    for (const name of new Set(member.protocols.map((each) => each.name))) {
      supporterCounts.set(name, (supporterCounts.get(name) ?? 0) + 1);
    }
  }
  const votes = new Map<string, number>();
  for (const member of all) {
    const vote = member.protocols.find((each) => supporterCounts.get(each.name) === all.length);
    if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
  }
  let winner: string | null = null;
  let winnerVotes = 0;
  for (const [name, count] of votes) {
    if (count > winnerVotes) {
      winner = name;
      winnerVotes = count;
    }
  }
  return winner;
}
