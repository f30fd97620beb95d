import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.net.URL;
import java.nio.ByteBuffer;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Opens a pot and pays 100.00 into it, to be kept in cash. Usage: Produce.java BROKERS REGISTRY POT DAY */
class Produce {
  static final String TOPIC = "ingest.instruction.v1";

  public static void main(String[] args) throws Exception {
    var newest = new ObjectMapper().readTree(new URL(args[1] + "/subjects/" + TOPIC + "-value/versions/latest"));
    var id = newest.get("id").asInt();
    var schema = new Schema.Parser().parse(newest.get("schema").asText());
    var bodies = schema.getField("body").schema();
    var opened = bodies.getTypes().get(bodies.getIndexNamed("penstock.ingest.PotOpened"));
    var contribution = bodies.getTypes().get(bodies.getIndexNamed("penstock.ingest.Contribution"));
    var paid = new GenericRecordBuilder(contribution).set("cash", new BigDecimal("100.00")).set("split", List.of()).build();

    // An idempotent producer that waits for all replicas is Java's default since Kafka 3.0.
    Map<String, Object> config = Map.of("bootstrap.servers", args[0]);
    try (var producer = new KafkaProducer<>(config, new StringSerializer(), new ByteArraySerializer())) {
      send(producer, id, schema, args, "open", new GenericRecordBuilder(opened).build());
      send(producer, id, schema, args, "c1", paid);
    }
  }

  static void send(KafkaProducer<String, byte[]> producer, int schemaId, Schema schema, String[] args, String id, Object body)
      throws Exception {
    var instruction = new GenericRecordBuilder(schema)
        .set("source", "payroll").set("id", id).set("pot", args[2]).set("instructedOn", LocalDate.parse(args[3])).set("body", body)
        .build();
    var data = new GenericData();
    data.addLogicalTypeConversion(new Conversions.DecimalConversion());
    data.addLogicalTypeConversion(new TimeConversions.DateConversion());
    var out = new ByteArrayOutputStream();
    out.write(0);
    out.write(ByteBuffer.allocate(4).putInt(schemaId).array());
    var encoder = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<>(schema, data).write(instruction, encoder);
    encoder.flush();
    System.out.println(producer.send(new ProducerRecord<>(TOPIC, args[2], out.toByteArray())).get());
  }
}
