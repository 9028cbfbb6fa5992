import java.io.DataOutputStream;
import java.io.FileOutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;

/**
 * Writes frames with the codecs of the kafka-clients jar on the class path, for Millrace's tests to
 * read and write back. Arguments: the file to write, then `Name:first-last` for each message
 * (`Produce` means request and response, with their headers; other names are data classes).
 *
 * File: for each frame int16 length and name, int16 version, int8 variant, int32 length and bytes.
 * Which fields a version has, and which of them may be null, is asked of the jar's own schemas.
 */
public class GoldenFrames {
  static final int DEFAULTS = 0;
  /** Every value follows from the name of its field, so that a reader can check the names too. */
  static final int NAMED = 1;
  static final int NULLS = 2;
  static final int EMPTY = 3;
  static final int SMALLEST = 4;
  static final int LARGEST = 5;
  static final int UNICODE = 6;
  static final int RANDOM = 7;
  /** The values of NAMED, and tagged fields from the future at the end of every struct. */
  static final int UNKNOWN_TAGS = 8;
  static final int VARIANTS = 9;

  static final long SAFE = (1L << 53) - 1;
  /** The only field that Millrace reads as a 64-bit integer of full width. */
  static final String WIDE = "FetchPartition.highWatermark";
  static final String[] TEXTS = {"", "a", "héllo", "日本語", "\uD83D\uDE80\uD83D\uDE80", "x".repeat(63), "\u0000\u007f\u0080"};

  final DataOutputStream out;
  int variant;
  Random random;

  GoldenFrames(DataOutputStream out) {
    this.out = out;
  }

  public static void main(String[] arguments) throws Exception {
    try (DataOutputStream out = new DataOutputStream(new FileOutputStream(arguments[0]))) {
      GoldenFrames golden = new GoldenFrames(out);
      for (int i = 1; i < arguments.length; i++) {
        String[] parts = arguments[i].split("[:-]");
        int first = Integer.parseInt(parts[1]);
        int last = Integer.parseInt(parts[parts.length - 1]);
        ApiKeys api = apiNamed(parts[0]);
        for (int version = first; version <= last; version++) {
          if (api == null) {
            golden.write(parts[0], dataClass(parts[0]), null, version);
          } else {
            golden.write(api.name + "Request", dataClass(api.name + "Request"), api, version);
            golden.write(api.name + "Response", dataClass(api.name + "Response"), api, version);
          }
        }
      }
    }
  }

  static ApiKeys apiNamed(String name) {
    for (ApiKeys api : ApiKeys.values()) if (api.name.equals(name)) return api;
    return null;
  }

  static Class<?> dataClass(String name) throws ClassNotFoundException {
    String[] places = {"common.message." + name + "Data", "common.message." + name, "coordinator.group.generated." + name};
    for (String place : places) {
      try {
        return Class.forName("org.apache.kafka." + place);
      } catch (ClassNotFoundException elsewhere) {
        continue;
      }
    }
    throw new ClassNotFoundException(name);
  }

  void write(String name, Class<?> type, ApiKeys api, int version) throws Exception {
    Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
    for (variant = 0; variant < VARIANTS; variant++) {
      int seed = variant == UNKNOWN_TAGS ? NAMED : variant;
      random = new Random(name.hashCode() * 1000L + version * 10L + seed);
      List<Message> parts = new ArrayList<>();
      List<Short> versions = new ArrayList<>();
      boolean flexible = hasTags(schemas[version]);
      if (variant == UNKNOWN_TAGS && !flexible) continue;
      if (api != null) {
        boolean request = name.endsWith("Request");
        short header = request ? api.requestHeaderVersion((short) version) : api.responseHeaderVersion((short) version);
        parts.add(request ? requestHeader(api, version, header) : responseHeader(header));
        versions.add(header);
      }
      parts.add((Message) filled(type, schemas[version]));
      versions.add((short) version);
      byte[] bytes = encode(parts, versions);
      byte[] label = name.getBytes(StandardCharsets.UTF_8);
      out.writeShort(label.length);
      out.write(label);
      out.writeShort(version);
      out.writeByte(variant);
      out.writeInt(bytes.length);
      out.write(bytes);
    }
  }

  Message requestHeader(ApiKeys api, int version, short headerVersion) {
    RequestHeaderData header = new RequestHeaderData();
    header.setRequestApiKey(api.id).setRequestApiVersion((short) version).setCorrelationId((int) integer("correlationId", 32, ""));
    header.setClientId(variant == NULLS ? null : text("clientId"));
    if (variant == UNKNOWN_TAGS && headerVersion >= 2) addUnknownTags(header);
    return header;
  }

  Message responseHeader(short headerVersion) {
    ResponseHeaderData header = new ResponseHeaderData();
    header.setCorrelationId((int) integer("correlationId", 32, ""));
    if (variant == UNKNOWN_TAGS && headerVersion >= 1) addUnknownTags(header);
    return header;
  }

  static byte[] encode(List<Message> parts, List<Short> versions) {
    ObjectSerializationCache cache = new ObjectSerializationCache();
    int size = 0;
    for (int i = 0; i < parts.size(); i++) size += parts.get(i).size(cache, versions.get(i));
    ByteBuffer buffer = ByteBuffer.allocate(size);
    ByteBufferAccessor accessor = new ByteBufferAccessor(buffer);
    for (int i = 0; i < parts.size(); i++) parts.get(i).write(accessor, cache, versions.get(i));
    if (buffer.hasRemaining()) throw new IllegalStateException("size and bytes disagree");
    return buffer.array();
  }

  static boolean hasTags(Schema schema) {
    BoundField[] fields = schema.fields();
    return fields.length > 0 && fields[fields.length - 1].def.type instanceof TaggedFields;
  }

  Object filled(Class<?> type, Schema schema) throws Exception {
    Object message = type.getDeclaredConstructor().newInstance();
    if (variant == UNKNOWN_TAGS && hasTags(schema)) addUnknownTags((Message) message);
    if (variant == DEFAULTS) return message;
    Map<String, Method> setters = new HashMap<>();
    for (Method method : type.getMethods()) {
      if (method.getName().startsWith("set") && method.getParameterCount() == 1) {
        setters.put(method.getName().substring(3).toLowerCase(), method);
      }
    }
    for (BoundField bound : schema.fields()) {
      if (bound.def.type instanceof TaggedFields) {
        for (Field field : taggedFields((TaggedFields) bound.def.type).values()) {
          if (variant == UNKNOWN_TAGS || variant == NAMED || random.nextInt(3) > 0) set(message, field, setters);
        }
      } else {
        set(message, bound.def, setters);
      }
    }
    return message;
  }

  /** By tag. Older jars have no accessor for them. */
  @SuppressWarnings("unchecked")
  static Map<Integer, Field> taggedFields(TaggedFields type) throws Exception {
    java.lang.reflect.Field fields = TaggedFields.class.getDeclaredField("fields");
    fields.setAccessible(true);
    return new TreeMap<>((Map<Integer, Field>) fields.get(type));
  }

  void set(Object message, Field field, Map<String, Method> setters) throws Exception {
    Method setter = setters.get(field.name.replace("_", "").toLowerCase());
    if (setter == null) throw new IllegalStateException(message.getClass() + " cannot set " + field.name);
    String name = Character.toLowerCase(setter.getName().charAt(3)) + setter.getName().substring(4);
    Class<?> wanted = setter.getParameterTypes()[0];
    boolean nullable = field.type.isNullable();
    if (nullable && (variant == NULLS || (variant == RANDOM && random.nextInt(3) == 0))) {
      setter.invoke(message, new Object[] {null});
      return;
    }
    setter.invoke(message, value(message.getClass().getSimpleName() + "." + name, name, wanted, setter.getGenericParameterTypes()[0], field));
  }

  Object value(String path, String name, Class<?> wanted, Type generic, Field field) throws Exception {
    if (wanted == boolean.class) return variant == NAMED || variant == UNKNOWN_TAGS || random.nextBoolean();
    if (wanted == byte.class) return (byte) integer(name, 8, path);
    if (wanted == short.class) return (short) integer(name, 16, path);
    if (wanted == int.class) return (int) integer(name, 32, path);
    if (wanted == long.class) return integer(name, 64, path);
    if (wanted == String.class) return text(name);
    if (wanted == Uuid.class) return uuid(name);
    if (wanted == byte[].class) return bytes(name);
    if (wanted == ByteBuffer.class) return ByteBuffer.wrap(bytes(name));
    if (wanted.getSimpleName().equals("BaseRecords")) return records(wanted, bytes(name));
    if (Collection.class.isAssignableFrom(wanted)) return list(path, name, wanted, generic, field);
    return filled(wanted, (Schema) schemaOf(field));
  }

  /** The classes of records have moved between packages: the one beside the setter's type is right. */
  static Object records(Class<?> wanted, byte[] bytes) throws Exception {
    Class<?> records = Class.forName(wanted.getPackageName() + ".MemoryRecords");
    return records.getMethod("readableRecords", ByteBuffer.class).invoke(null, ByteBuffer.wrap(bytes));
  }

  Object list(String path, String name, Class<?> wanted, Type generic, Field field) throws Exception {
    @SuppressWarnings("unchecked")
    Collection<Object> list =
        wanted.isInterface() ? new ArrayList<>() : (Collection<Object>) wanted.getDeclaredConstructor().newInstance();
    Type source = wanted.isInterface() ? generic : wanted.getGenericSuperclass();
    Class<?> element = (Class<?>) ((ParameterizedType) source).getActualTypeArguments()[0];
    for (int left = count(); left > 0; left--) {
      if (element == String.class) list.add(text(name));
      else if (element == Integer.class) list.add((int) integer(name, 32, path));
      else if (element == Short.class) list.add((short) integer(name, 16, path));
      else if (element == Byte.class) list.add((byte) integer(name, 8, path));
      else if (element == Long.class) list.add(integer(name, 64, path));
      else if (element == Uuid.class) list.add(uuid(name));
      else list.add(filled(element, (Schema) schemaOf(field)));
    }
    return list;
  }

  int count() {
    switch (variant) {
      case EMPTY: return 0;
      case NAMED: case UNKNOWN_TAGS: case UNICODE: return 2;
      case RANDOM: return random.nextInt(4);
      default: return 1;
    }
  }

  static Object schemaOf(Field field) {
    return field.type.arrayElementType().map(type -> (Object) type).orElse(field.type);
  }

  /** NAMED integers are Java's hash of the name, cut to the width; the test computes the same. */
  long integer(String name, int bits, String path) {
    boolean wide = path.equals(WIDE);
    long largest = bits == 64 ? (wide ? Long.MAX_VALUE : SAFE) : (1L << (bits - 1)) - 1;
    switch (variant) {
      case NAMED: case UNKNOWN_TAGS: return name.hashCode() & (bits == 64 ? 0x7fffffffL : largest);
      case SMALLEST: return bits == 64 && !wide ? -SAFE : -largest - 1;
      case LARGEST: return largest;
      case EMPTY: return 0;
      default: return bits == 64 && !wide ? random.nextLong() >> random.nextInt(40) + 11 : random.nextLong() >> 64 - bits;
    }
  }

  String text(String name) {
    switch (variant) {
      case NAMED: case UNKNOWN_TAGS: return name;
      case EMPTY: case SMALLEST: return "";
      case LARGEST: return "m".repeat(130);
      case UNICODE: return "ß√日本\uD83D\uDE80" + random.nextInt(100);
      default: return TEXTS[random.nextInt(TEXTS.length)];
    }
  }

  byte[] bytes(String name) {
    switch (variant) {
      case NAMED: case UNKNOWN_TAGS: return name.getBytes(StandardCharsets.UTF_8);
      case EMPTY: case SMALLEST: return new byte[0];
      default: {
        byte[] bytes = new byte[variant == LARGEST ? 200 : random.nextInt(40)];
        random.nextBytes(bytes);
        return bytes;
      }
    }
  }

  Uuid uuid(String name) {
    switch (variant) {
      case NAMED: case UNKNOWN_TAGS: return new Uuid(name.hashCode(), ~name.hashCode());
      case EMPTY: return Uuid.ZERO_UUID;
      case SMALLEST: return Uuid.ONE_UUID;
      case LARGEST: return new Uuid(-1, -1);
      default: return new Uuid(random.nextLong(), random.nextLong());
    }
  }

  static void addUnknownTags(Message message) {
    message.unknownTaggedFields().add(new RawTaggedField(100, new byte[0]));
    message.unknownTaggedFields().add(new RawTaggedField(30000, new byte[] {1, 2, 3}));
  }
}
