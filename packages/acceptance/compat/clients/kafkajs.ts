import type { ClientDriver } from '../client.ts';
import { LineClient } from '../line-client.ts';
import { nodeProgram } from '../programs.ts';

export const kafkajs: ClientDriver = {
  name: 'kafkajs',
  lacks: {},
  open: (bootstrap) => LineClient.open(nodeProgram('kafkajs.ts'), bootstrap),
};
