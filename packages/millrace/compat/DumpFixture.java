import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Fills a partition of Apache Kafka with every kind of batch, for the files in ../testdata. */
public class DumpFixture {
    private static final long T = 1_700_000_000_000L;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic("orders", 1, (short) 1)
                .configs(Map.of("index.interval.bytes", "300")))).all().get();
        }
        int n = 0;
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (KafkaProducer<byte[], byte[]> producer = producer(bootstrap, codec, null)) {
                for (int i = 0; i < 3; i++, n++) {
                    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>("orders", 0, T + n,
                        i == 1 ? null : utf8("key-" + n), i == 2 ? null : utf8("value of " + codec + " " + "x".repeat(60)));
                    if (i == 0) {
                        record.headers().add(new RecordHeader("trace", utf8("1")));
                        record.headers().add(new RecordHeader("größe", null));
                    }
                    producer.send(record);
                }
                producer.flush();
            }
        }
        try (KafkaProducer<byte[], byte[]> producer = producer(bootstrap, "lz4", "tx-1")) {
            producer.initTransactions();
            for (boolean commit : new boolean[] {true, false, true}) {
                producer.beginTransaction();
                producer.send(new ProducerRecord<>("orders", 0, T + 100 + n++, utf8("tx"), utf8("commit " + commit)));
                producer.flush();
                if (commit) producer.commitTransaction(); else producer.abortTransaction();
            }
        }
        Properties consumer = new Properties();
        consumer.putAll(Map.of("bootstrap.servers", bootstrap, "group.id", "billing", "auto.offset.reset", "earliest",
            "group.protocol", "classic", "client.id", "reader",
            "key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer",
            "value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer"));
        try (KafkaConsumer<byte[], byte[]> reader = new KafkaConsumer<>(consumer)) {
            reader.subscribe(List.of("orders"));
            int got = 0;
            while (got < 15) got += reader.poll(Duration.ofSeconds(5)).count();
            reader.commitSync();
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(String bootstrap, String codec, String transactionalId) {
        Properties config = new Properties();
        config.putAll(Map.of("bootstrap.servers", bootstrap, "compression.type", codec, "linger.ms", "200",
            "key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer",
            "value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"));
        if (transactionalId != null) config.put("transactional.id", transactionalId);
        return new KafkaProducer<>(config);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
