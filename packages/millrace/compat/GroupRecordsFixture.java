import java.io.FileOutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.coordinator.group.generated.CoordinatorRecordType;

/** Writes one record of every kind that __consumer_offsets may hold, for ../testdata/group-records. */
public class GroupRecordsFixture {
    private static final long T = 1_700_000_000_000L;
    private static int next = 1;

    public static void main(String[] args) throws Exception {
        List<SimpleRecord> records = new ArrayList<>();
        for (CoordinatorRecordType type : CoordinatorRecordType.values()) {
            if (type.id() < 3) continue;
            // Once with everything set, once with defaults, once deleted.
            for (int round = 0; round < 3; round++) {
                ApiMessage key = type.newRecordKey();
                fill(key);
                ApiMessage value = type.newRecordValue();
                if (round == 0) fill(value);
                byte[] bytes = MessageUtil.toCoordinatorTypePrefixedByteBuffer(key).array();
                records.add(new SimpleRecord(T, bytes, round == 2 ? null
                    : MessageUtil.toVersionPrefixedByteBuffer(type.highestSupportedVersion(), value).array()));
            }
        }
        MemoryRecords batch = MemoryRecords.withRecords(Compression.NONE, records.toArray(new SimpleRecord[0]));
        try (FileChannel file = new FileOutputStream(args[0]).getChannel()) {
            file.write(batch.buffer());
        }
    }

    /** Sets every field to something, by its type. */
    private static void fill(Object message) throws Exception {
        for (Field field : message.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || field.getName().startsWith("_")) continue;
            field.setAccessible(true);
            field.set(message, valueOf(field.getType(), field));
        }
    }

    private static Object valueOf(Class<?> type, Field field) throws Exception {
        int n = next++;
        if (type == int.class) return n;
        if (type == long.class) return (long) n << 33;
        if (type == short.class) return (short) n;
        if (type == byte.class) return (byte) (n % 100);
        if (type == Integer.class) return n;
        if (type == Short.class) return (short) n;
        if (type == String.class) return "text-" + n;
        if (type == byte[].class) return new byte[] {(byte) n, 2, 3};
        if (type == Uuid.class) return new Uuid(n, 99);
        if (type == List.class) {
            Class<?> element = (Class<?>) ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0];
            return new ArrayList<>(List.of(valueOf(element, null), valueOf(element, null)));
        }
        Object nested = type.getDeclaredConstructor().newInstance();
        fill(nested);
        return nested;
    }
}
