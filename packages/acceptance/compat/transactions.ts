import kafkajs from 'kafkajs';

/** Writes ten committed records, ten aborted ones and ten committed ones to one partition, each in a transaction. */
export async function writeTransactions(bootstrap: string, topic: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({
    transactionalId: 'compat-writer',
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  for (const [round, outcome] of ['committed', 'aborted', 'committed'].entries()) {
    const transaction = await producer.transaction();
    const messages = Array.from({ length: 10 }, (_, i) => ({
      key: `${i}`,
      value: `${outcome}-${round}-${i}`,
    }));
    await transaction.send({ topic, messages });
    if (outcome === 'committed') await transaction.commit();
    else await transaction.abort();
  }
  await producer.disconnect();
}
