import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;

/**
 * Writes the files of ../testdata, and the large-* files of packages/compression/testdata, with Apache Kafka's own classes (kafka-clients 3.9.1, the last with formats
 * 0 and 1). Run: java -cp kafka-clients-3.9.1.jar:lz4-java:snappy-java:zstd-jni:slf4j-api GoldenBatches.java OUT
 */
public class GoldenBatches {
    private static final long T = 1_700_000_000_000L;
    private static Path out;

    public static void main(String[] args) throws IOException {
        out = Path.of(args[0]);
        Files.createDirectories(out);
        for (CompressionType type : CompressionType.values()) {
            write("batch-" + type.name, records(RecordBatch.MAGIC_VALUE_V2, Compression.of(type).build(),
                TimestampType.CREATE_TIME, 7, 3, 4711, (short) 2, 100, true));
            write("large-" + type.name, large(Compression.of(type).build()));
        }
        write("batch-append-time", records(RecordBatch.MAGIC_VALUE_V2, Compression.NONE,
            TimestampType.LOG_APPEND_TIME, 0, 0, RecordBatch.NO_PRODUCER_ID, RecordBatch.NO_PRODUCER_EPOCH,
            RecordBatch.NO_SEQUENCE, false));
        write("message-set-v0", legacy(RecordBatch.MAGIC_VALUE_V0));
        write("message-set-v1", legacy(RecordBatch.MAGIC_VALUE_V1));
        MemoryRecords marker = MemoryRecords.withEndTransactionMarker(12, T, 5, 4711, (short) 2,
            new EndTransactionMarker(ControlRecordType.COMMIT, 9));
        write("marker-commit", marker.buffer());
        MemoryRecords abort = MemoryRecords.withEndTransactionMarker(13, T, 5, 4711, (short) 2,
            new EndTransactionMarker(ControlRecordType.ABORT, 10));
        write("marker-abort", abort.buffer());
    }

    private static ByteBuffer records(byte magic, Compression compression, TimestampType type, long baseOffset,
            int leaderEpoch, long producerId, short epoch, int sequence, boolean transactional) {
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(ByteBuffer.allocate(4096), magic, compression,
            type, baseOffset, T + 999, producerId, epoch, sequence, transactional, false, leaderEpoch, 1 << 20);
        builder.append(new SimpleRecord(T, utf8("key"), utf8("value")));
        builder.append(new SimpleRecord(T + 5, null, utf8("no key")));
        builder.append(new SimpleRecord(T - 3, utf8("gone"), (byte[]) null));
        builder.append(new SimpleRecord(T + 1, utf8(""), utf8(""), new Header[] {
            new RecordHeader("h", utf8("1")), new RecordHeader("h", null), new RecordHeader("größe", utf8(""))}));
        return builder.build().buffer();
    }

    private static ByteBuffer large(Compression compression) {
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(ByteBuffer.allocate(4096),
            RecordBatch.MAGIC_VALUE_V2, compression, TimestampType.CREATE_TIME, 0, 0, -1, (short) -1, -1, false,
            false, -1, 1 << 20);
        for (int i = 0; i < 1500; i++) builder.append(new SimpleRecord(T + i, utf8("key-" + i), utf8("value of record " + i + " ".repeat(i % 97))));
        return builder.build().buffer();
    }

    private static ByteBuffer legacy(byte magic) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(4096), magic, Compression.NONE,
            TimestampType.CREATE_TIME, 40);
        builder.append(T, utf8("k"), utf8("v"));
        return builder.build().buffer();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void write(String name, ByteBuffer buffer) throws IOException {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        Files.write(out.resolve(name + ".bin"), bytes);
    }
}
