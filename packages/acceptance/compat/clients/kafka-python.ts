import type { ClientDriver } from '../client.ts';
import { LineClient } from '../line-client.ts';
import { debianPython, newestPython, pythonProgram } from '../programs.ts';

/** The newest from PyPI. */
export const kafkaPython: ClientDriver = {
  name: 'kafka-python (PyPI)',
  lacks: {},
  open: async (bootstrap) =>
    LineClient.open(pythonProgram(await newestPython('kafka'), 'kafka_python.py'), bootstrap),
};

/** Debian's, which speaks the protocol of 2020. */
export const kafkaPythonDebian: ClientDriver = {
  name: 'kafka-python (Debian)',
  lacks: { idempotent: 'kafka-python 2.0 has no idempotent producer' },
  open: async (bootstrap) =>
    LineClient.open(pythonProgram(await debianPython('kafka'), 'kafka_python.py'), bootstrap),
};
