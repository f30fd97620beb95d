import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology on Kafka Streams: a count of 120 bytes per key, one output per input, exactly once. It runs until standard input
 * ends. Usage: Counters.java BROKERS NAME INPUT OUTPUT STORE DIR [PROPERTY=VALUE...]
 */
class Counters {
  static final int STATE_BYTES = 120;

  public static void main(String[] args) throws Exception {
    var config = new Properties();
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    config.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    config.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "snappy");
    config.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
    for (var i = 6; i < args.length; i++) {
      var at = args[i].indexOf('=');
      config.put(args[i].substring(0, at), args[i].substring(at + 1));
    }

    var store = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(args[4]), Serdes.ByteArray(), Serdes.ByteArray());
    var topology = new Topology()
        .addSource("input", new ByteArrayDeserializer(), new ByteArrayDeserializer(), args[2])
        .addProcessor("count", () -> new Counter(args[4]), "input")
        .addStateStore(store, "count")
        .addSink("output", args[3], new ByteArraySerializer(), new ByteArraySerializer(), "count");
    var streams = new KafkaStreams(topology, config);
    streams.setUncaughtExceptionHandler(failure -> {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    streams.start();
    while (System.in.read() >= 0) {
      // Nothing is ever sent; the end is what counts.
    }
    // All is committed by now, so there is nothing to close with care.
    Runtime.getRuntime().halt(0);
  }

  /** Counts the records of each key and passes them on. */
  static class Counter extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    final String name;
    KeyValueStore<byte[], byte[]> counters;

    Counter(String name) {
      this.name = name;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      super.init(context);
      counters = context.getStateStore(name);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      var state = counters.get(record.key());
      var next = state == null ? new byte[STATE_BYTES] : Arrays.copyOf(state, STATE_BYTES);
      var count = ByteBuffer.wrap(next);
      count.putLong(0, count.getLong(0) + 1);
      counters.put(record.key(), next);
      context().forward(record);
    }
  }
}
