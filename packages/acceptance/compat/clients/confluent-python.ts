import type { ClientDriver } from '../client.ts';
import { LineClient } from '../line-client.ts';
import { debianPython, newestPython, pythonProgram } from '../programs.ts';

/** The newest from PyPI, with the librdkafka that it brings. */
export const confluentPython: ClientDriver = {
  name: 'confluent-kafka (PyPI)',
  lacks: {},
  open: async (bootstrap) => {
    const python = await newestPython('confluent_kafka');
    return LineClient.open(pythonProgram(python, 'confluent_python.py'), bootstrap);
  },
};

/** Debian's 1.7 over librdkafka 2.0. */
export const confluentPythonDebian: ClientDriver = {
  name: 'confluent-kafka (Debian)',
  lacks: {},
  open: async (bootstrap) => {
    const python = await debianPython('confluent_kafka');
    return LineClient.open(pythonProgram(python, 'confluent_python.py'), bootstrap);
  },
};
