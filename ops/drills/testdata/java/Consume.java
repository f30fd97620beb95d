import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URL;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Prints the committed records of a topic from its beginning. Usage: Consume.java BROKERS REGISTRY TOPIC COUNT */
class Consume {
  public static void main(String[] args) throws Exception {
    Map<String, Object> config = Map.of(
        "bootstrap.servers", args[0],
        "group.id", "print-java-" + args[2],
        "isolation.level", "read_committed", // Java's default is read_uncommitted
        "auto.offset.reset", "earliest",
        "enable.auto.commit", false);
    var schemas = new HashMap<Integer, Schema>();
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(args[2]));
      for (var left = Integer.parseInt(args[3]); left > 0; ) {
        for (var record : consumer.poll(Duration.ofSeconds(1))) {
          var id = ByteBuffer.wrap(record.value()).getInt(1); // after the mark, a zero byte
          if (!schemas.containsKey(id)) {
            schemas.put(id, schema(args[1], id));
          }
          System.out.println(record.key() + " " + decode(schemas.get(id), record.value()));
          left--;
        }
      }
    }
  }

  static Schema schema(String registry, int id) throws Exception {
    var answer = new ObjectMapper().readTree(new URL(registry + "/schemas/ids/" + id));
    return new Schema.Parser().parse(answer.get("schema").asText());
  }

  static GenericRecord decode(Schema schema, byte[] framed) throws Exception {
    var data = new GenericData();
    data.addLogicalTypeConversion(new Conversions.DecimalConversion());
    data.addLogicalTypeConversion(new Conversions.UUIDConversion());
    data.addLogicalTypeConversion(new TimeConversions.DateConversion());
    data.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
    var decoder = DecoderFactory.get().binaryDecoder(framed, 5, framed.length - 5, null);
    return new GenericDatumReader<GenericRecord>(schema, schema, data).read(null, decoder);
  }
}
