import type { ClientDriver } from '../client.ts';
import { LineClient } from '../line-client.ts';
import { nodeProgram } from '../programs.ts';

export const platformatic: ClientDriver = {
  name: '@platformatic/kafka',
  lacks: {},
  open: (bootstrap) => LineClient.open(nodeProgram('platformatic.ts'), bootstrap),
};
